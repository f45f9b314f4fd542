/** Work that is repeated every `intervalMs`. It never runs twice at a time, so that a slow database does not pile it up. */
export interface Repetition {
  /** Stops repeating. Returns when the current run has ended. */
  readonly stop: () => Promise<void>;
}

/** Repeats `work`, first after `intervalMs`. `work` must not throw. */
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
