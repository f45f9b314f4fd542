/** Work that is done every `intervalMs`, never twice at a time: a slow database must not pile it up. */
export interface Repetition {
  /** Returns when nothing of it runs any more. */
  readonly stop: () => Promise<void>;
}

/** Repeats `work`, which must not throw; the first time after `intervalMs`. */
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
