/**
 * Returns a signal that is aborted when the given signal is aborted, or with a `TimeoutError` after `limitMs`.
 *
 * Node 20 garbage-collects a timeout to which only `AbortSignal.any()` refers. The time limit would then never abort the
 * signal. The listener keeps the timeout alive.
 */
export function withTimeLimit(signal: AbortSignal, limitMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(limitMs);
  timeout.addEventListener('abort', () => {}, { once: true });
  return AbortSignal.any([signal, timeout]);
}

/** Tells whether a signal of `withTimeLimit()` was aborted by its time limit. */
export function isOverTime({ reason }: AbortSignal): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}
