import { setImmediate as nextTurn } from 'node:timers/promises';

/** The effect of some work on the event loop. Times are in ms. */
export interface LoopWatch<T> {
  readonly value: T;
  readonly tookMs: number;
  /**
   * The longest time for which a timer that was always due did not run. Only CPU time of this process counts, so that other
   * processes on the machine have no effect.
   */
  readonly longestStallMs: number;
}

/** Runs work, while a timer measures how long the event loop is blocked. */
export async function watchEventLoop<T>(work: () => Promise<T>): Promise<LoopWatch<T>> {
  let longestStallMs = 0;
  let last = performance.now();
  let used = process.cpuUsage();
  const look = (): void => {
    const now = performance.now();
    const { user, system } = process.cpuUsage(used);
    longestStallMs = Math.max(longestStallMs, Math.min(now - last, (user + system) / 1_000));
    last = now;
    used = process.cpuUsage();
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
