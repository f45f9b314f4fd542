import { toError } from '../errors.ts';

/**
 * Returns the result of a request that the homeserver sends to another server for the plugin. Rejects with the signal's reason
 * as soon as the signal is aborted, even if the homeserver ignores the signal.
 */
export function orAborted<T>(request: Promise<T>, { signal }: { readonly signal: AbortSignal }): Promise<T> {
  // A long job waits for many requests with the same signal. So the function removes its listener from the signal when the
  // request ends.
  const ended = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const end = (): void => reject(toError(signal.reason));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true, signal: ended.signal });
  });
  const answered = request.catch((error: unknown) => {
    // After an abort, the signal's reason says more than the error that the homeserver throws.
    signal.throwIfAborted();
    throw error;
  });
  return Promise.race([answered, aborted]).finally(() => ended.abort());
}
