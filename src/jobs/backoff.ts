const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;

/**
 * Returns the delay before the next attempt, in ms. The delay is one second after the first failure, and doubles with each
 * further failure, up to five minutes. The function subtracts a random part, at most a fifth.
 * @param failures number of successive failures
 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const delay = Math.min(FIRST_MS * 2 ** Math.max(failures - 1, 0), LONGEST_MS);
  return Math.round(delay * (1 - random() / 5));
}
