import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, toEngineError } from './engine-error.ts';

/** How often a request is sent, and after which failures it is sent again. */
export interface RetryPolicy {
  readonly attempts: number;
  /** Longest wait between two attempts, in ms. If the engine asks for a longer wait, the request fails. */
  readonly maxDelayMs: number;
  /** Whether a request is sent again after a time-out. */
  readonly afterTimeout: boolean;
}

/** For requests while a caller waits for the answer. */
export const INTERACTIVE: RetryPolicy = { attempts: 3, maxDelayMs: 1_000, afterTimeout: false };
/** For requests that are part of longer work and may safely be repeated. */
export const PATIENT: RetryPolicy = { attempts: 8, maxDelayMs: 30_000, afterTimeout: true };
/** For requests that must not take effect twice. */
export const ONCE: RetryPolicy = { attempts: 1, maxDelayMs: 0, afterTimeout: false };

/** HTTP statuses that mean a time-out or an overload of the engine or a proxy. */
const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/**
 * Runs `work` until it succeeds or the policy gives up.
 * @param signal ends a wait between two attempts if it is aborted
 * @throws EngineError the error of the last attempt, or `stopped` if `signal` is aborted during a wait
 */
export async function retrying<T>(
  policy: RetryPolicy,
  { baseDelayMs, signal }: { readonly baseDelayMs: number; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (thrown) {
      const error = toEngineError(thrown);
      const backOffMs = Math.min(baseDelayMs * 2 ** (attempt - 1), policy.maxDelayMs) * (0.75 + Math.random() / 4);
      const delayMs = error.retryAfterMs ?? backOffMs;
      if (!isTransient(error, policy) || attempt >= policy.attempts || delayMs > policy.maxDelayMs) throw error;
      await pause(delayMs, signal);
    }
  }
}

/** Waits for `ms`. @throws EngineError `stopped` if `signal` is aborted first */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (cause) {
    throw new EngineError('stopped', 'the search index was stopped', { cause });
  }
}

function isTransient({ kind, status }: EngineError, { afterTimeout }: RetryPolicy): boolean {
  if (kind === 'connection') return true;
  return kind === 'timeout' ? afterTimeout : kind === 'status' && TRANSIENT_STATUS.has(status ?? 0);
}
