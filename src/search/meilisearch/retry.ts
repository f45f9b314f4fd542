import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, toEngineError } from './engine-error.ts';

/** How often a request is sent, and after which failures it is sent again. */
export interface RetryPolicy {
  readonly attempts: number;
  /** Longest wait between two attempts, in ms. If the engine asks for a longer wait, the request fails. */
  readonly maxDelayMs: number;
  /** Whether to retry after a time-out. */
  readonly afterTimeout: boolean;
}

/** For requests that a caller waits for. */
export const INTERACTIVE: RetryPolicy = { attempts: 3, maxDelayMs: 1_000, afterTimeout: false };
/** For requests that are safe to repeat and are part of longer work. */
export const PATIENT: RetryPolicy = { attempts: 8, maxDelayMs: 30_000, afterTimeout: true };
/** For requests that must not run twice. */
export const ONCE: RetryPolicy = { attempts: 1, maxDelayMs: 0, afterTimeout: false };

/** HTTP statuses for time-outs and overload of the server or a proxy. */
const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/** Runs `work` until it succeeds or the policy gives up. `signal` aborts waits. */
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

/** @throws EngineError `stopped` if `signal` is aborted first. */
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
