import { setImmediate as nextTurn } from 'node:timers/promises';

/** The effect of some work on its event loop. Times in ms. */
export interface LoopWatch<T> {
  readonly value: T;
  readonly tookMs: number;
  /**
   * The longest time for which a timer that was always due did not run. Counts only CPU time of this process, so time in
   * which other processes have the CPU does not count.
   */
  readonly longestStallMs: number;
}

/** Runs work while a timer measures stalls. */
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
