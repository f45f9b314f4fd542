import { setImmediate as nextTurn } from 'node:timers/promises';

/** How work has treated the event loop that it ran on. Times in ms. */
export interface LoopWatch<T> {
  readonly value: T;
  readonly tookMs: number;
  /** The longest time in which a timer that is always due did not run. */
  readonly longestStallMs: number;
}

/** Runs work beside a timer. */
export async function watchEventLoop<T>(work: () => Promise<T>): Promise<LoopWatch<T>> {
  let longestStallMs = 0;
  let last = performance.now();
  const look = (): void => {
    const now = performance.now();
    longestStallMs = Math.max(longestStallMs, now - last);
    last = now;
  };
  const startedAt = last;
  const timer = setInterval(look, 1);
  try {
    const value = await work();
    const tookMs = performance.now() - startedAt;
    await nextTurn();
    look();
    return { value, tookMs, longestStallMs };
  } finally {
    clearInterval(timer);
  }
}
