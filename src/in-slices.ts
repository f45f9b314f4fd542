import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long work may go on at a time, in ms. Requests of the host's users wait so long at most. */
const SLICE_MS = 10;

/**
 * Does work that grows with the data, and lets the event loop go on in between: where the work yields, it can wait.
 * @throws the signal's reason once it is aborted; what the work throws
 */
export async function inSlices<T>(
  work: Generator<undefined, T, undefined>,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<T> {
  for (;;) {
    const endsAt = performance.now() + SLICE_MS;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() < endsAt);
    await nextTurn();
    signal?.throwIfAborted();
  }
}
