/**
 * Returns a signal that is aborted with the given signal, or with a `TimeoutError` after `limitMs`.
 *
 * Node 20 garbage-collects a timeout that only `AbortSignal.any()` refers to, so that the signal is never aborted. A listener
 * keeps the timeout alive.
 */
export function withTimeLimit(signal: AbortSignal, limitMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(limitMs);
  timeout.addEventListener('abort', () => {}, { once: true });
  return AbortSignal.any([signal, timeout]);
}

/** Whether a signal of `withTimeLimit()` was aborted by its time limit. */
export function isOverTime({ reason }: AbortSignal): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}
