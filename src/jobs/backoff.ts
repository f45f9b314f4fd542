const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;

/** Delay before the next attempt, in ms. It doubles from one second to five minutes, less a random part of up to a fifth. */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const delay = Math.min(FIRST_MS * 2 ** Math.max(failures - 1, 0), LONGEST_MS);
  return Math.round(delay * (1 - random() / 5));
}
