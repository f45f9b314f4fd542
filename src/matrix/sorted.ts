/** Number of items that the generator sorts or merges before it yields. */
const RUN = 1_000;

/**
 * Sorts items. Items that compare as equal keep their order. Sorts parts of the list first, and then merges them. Yields often,
 * because a single `sort()` of a large array would block the event loop.
 */
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
  let [fromLeft, fromRight] = [0, 0];
  for (;;) {
    const [first, other] = [left[fromLeft], right[fromRight]];
    const isRight = other !== undefined && (first === undefined || compare(other, first) < 0);
    const item = isRight ? other : first;
    if (item === undefined) return merged;
    merged.push(item);
    if (isRight) fromRight += 1;
    else fromLeft += 1;
    if (merged.length % RUN === 0) yield;
  }
}
