/** Maximum number of rows in one statement. A larger statement would block the event loop for too long while it is built. */
const BATCH = 200;

/** Splits items into batches that are small enough for one statement. */
export function* batchesOf<T>(items: readonly T[], size = BATCH): Generator<T[], void, undefined> {
  for (let first = 0; first < items.length; first += size) yield items.slice(first, first + size);
}
