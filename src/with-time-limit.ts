/**
 * A signal that is aborted with the given signal, or with a `TimeoutError` after `limitMs`.
 *
 * Node 20 collects a timeout that only `AbortSignal.any()` refers to, and never aborts then. A listener keeps the timeout.
 */
export function withTimeLimit(signal: AbortSignal, limitMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(limitMs);
  timeout.addEventListener('abort', () => {}, { once: true });
  return AbortSignal.any([signal, timeout]);
}

/** Whether a signal of `withTimeLimit()` was aborted because its time is over. */
export function isOverTime({ reason }: AbortSignal): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}
