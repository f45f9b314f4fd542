import { setImmediate as nextTurn } from 'node:timers/promises';

/** Time after which long work pauses, in ms, so that other requests to the homeserver do not wait long. */
const SLICE_MS = 10;

/**
 * Runs long work in slices of about `SLICE_MS`, so that the event loop can do other work between two slices. A slice can end
 * only where the generator yields.
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
