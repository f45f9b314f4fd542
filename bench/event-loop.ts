import { setImmediate as nextTurn } from 'node:timers/promises';

/** How work has treated the event loop that it ran on. Times in ms. */
export interface LoopWatch<T> {
  readonly value: T;
  readonly tookMs: number;
  /**
   * The longest time in which a timer that is always due did not run, as far as this process used a processor in it: while
   * it waits for one, it is others that keep it waiting.
   */
  readonly longestStallMs: number;
}

/** Runs work beside a timer. */
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
