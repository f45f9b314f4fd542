const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;

/**
 * Returns the delay before the next attempt, in ms. It starts at one second and doubles with each failure, up to five minutes.
 * A random part of up to a fifth is subtracted.
 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const delay = Math.min(FIRST_MS * 2 ** Math.max(failures - 1, 0), LONGEST_MS);
  return Math.round(delay * (1 - random() / 5));
}
