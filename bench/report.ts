/**
 * One measurement of a bench. `ratio` compares it with the baseline of the same run: how many times as fast, or how many times
 * as small.
 */
export interface BenchResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline: number;
  readonly ratio: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Prints the last line of a bench. */
export function report(bench: string, results: readonly BenchResult[]): void {
  console.log(JSON.stringify({ bench, results }));
}
