import { toError } from '../errors.ts';

/**
 * Waits for a request that the host sends. Rejects with the signal's reason if the signal is aborted first, even if the host
 * ignores the signal.
 */
export function orAborted<T>(request: Promise<T>, { signal }: { readonly signal: AbortSignal }): Promise<T> {
  // A long job waits for many requests with one signal, so each request removes its listener from the signal at the end.
  const ended = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const end = (): void => reject(toError(signal.reason));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true, signal: ended.signal });
  });
  const answered = request.catch((error: unknown) => {
    // After an abort, the signal's reason says more than the error that the host throws.
    signal.throwIfAborted();
    throw error;
  });
  return Promise.race([answered, aborted]).finally(() => ended.abort());
}
