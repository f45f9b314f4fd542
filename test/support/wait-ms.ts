/**
 * Maximum time that a test waits for a condition, in ms. Runs of mutants wait less, because many conditions never come true.
 */
export const WAIT_MS = Number(process.env['TEST_WAIT_MS'] ?? 15_000);
