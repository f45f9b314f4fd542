import { toError } from '../errors.ts';

/** What a host's method answers, or the signal's reason once it is aborted: the host may not listen to the signal. */
export function orAborted<T>(request: Promise<T>, { signal }: { readonly signal: AbortSignal }): Promise<T> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(toError(signal.reason)), { once: true });
  });
  const answered = request.catch((error: unknown) => {
    // What the host throws because the signal is aborted says less than the reason for that.
    signal.throwIfAborted();
    throw error;
  });
  return Promise.race([answered, aborted]);
}
