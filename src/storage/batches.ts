/** Rows that are written in one statement: making it takes some milliseconds, in which nothing else can happen. */
const BATCH = 200;

/** The items in portions of which each is small enough for one statement. */
export function* batchesOf<T>(items: readonly T[], size = BATCH): Generator<T[], void, undefined> {
  for (let first = 0; first < items.length; first += size) yield items.slice(first, first + size);
}
