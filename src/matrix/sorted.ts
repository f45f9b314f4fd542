/** How many items are sorted in one step. */
const RUN = 1_000;

/** Sorts by merging, and yields in between: nothing else can happen while an array is sorted by `sort()`. Equals keep their order. */
export function* sorted<T>(items: readonly T[], compare: (a: T, b: T) => number): Generator<undefined, T[], undefined> {
  let runs: T[][] = [];
  for (let first = 0; first < items.length; first += RUN) {
    runs.push(items.slice(first, first + RUN).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) merged.push(yield* merge(runs[i] ?? [], runs[i + 1] ?? [], compare));
    runs = merged;
  }
  return runs[0] ?? [];
}

function* merge<T>(
  left: readonly T[],
  right: readonly T[],
  compare: (a: T, b: T) => number,
): Generator<undefined, T[], undefined> {
  const merged: T[] = [];
  let next = 0;
  for (const item of left) {
    for (let other = right[next]; other !== undefined && compare(other, item) < 0; other = right[next]) {
      merged.push(other);
      next += 1;
    }
    merged.push(item);
    if (merged.length % RUN === 0) yield;
  }
  for (; next < right.length; next += 1) {
    const other = right[next];
    if (other !== undefined) merged.push(other);
  }
  return merged;
}
