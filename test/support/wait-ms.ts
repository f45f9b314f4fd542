/**
 * Maximum time for which a test waits for a condition, in ms. Mutation testing sets a shorter time, because many conditions
 * never come true in it.
 */
export const WAIT_MS = Number(process.env['TEST_WAIT_MS'] ?? 15_000);
