import { setImmediate as nextTurn } from 'node:timers/promises';

/** Maximum time without a pause, in ms. Other requests to the homeserver wait at most this long. */
const SLICE_MS = 10;

/**
 * Runs long work in slices, so that the event loop can do other work between two slices. The work can pause wherever it yields.
 * @throws the signal's reason if the signal is aborted; errors of the work
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
