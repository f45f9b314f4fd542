/**
 * Work that is repeated every `intervalMs`. If a run takes longer than the interval, the runs that would begin in the meantime
 * are left out, so that runs do not pile up when the database is slow.
 */
export interface Repetition {
  /** Stops repeating. Resolves when the current run has ended. */
  readonly stop: () => Promise<void>;
}

/** Repeats `work`. The first run begins after `intervalMs`. `work` must not throw. */
export function repeat(work: () => Promise<void>, intervalMs: number): Repetition {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work().finally(() => {
      running = undefined;
    });
  }, intervalMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
