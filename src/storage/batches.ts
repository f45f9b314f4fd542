/**
 * Maximum number of rows in one statement. Building a statement blocks the event loop for some milliseconds, so the number is
 * limited.
 */
const BATCH = 200;

/** Splits items into batches that are small enough for one statement. */
export function* batchesOf<T>(items: readonly T[], size = BATCH): Generator<T[], void, undefined> {
  for (let first = 0; first < items.length; first += size) yield items.slice(first, first + size);
}
