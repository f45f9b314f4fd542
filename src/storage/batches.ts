/**
 * Default size of a batch. A statement that writes a much larger batch would block the event loop for too long while the
 * statement is built.
 */
const BATCH = 200;

/** Splits items into batches of at most `size` items, in the same order. */
export function* batchesOf<T>(items: readonly T[], size = BATCH): Generator<T[], void, undefined> {
  for (let first = 0; first < items.length; first += size) yield items.slice(first, first + size);
}
