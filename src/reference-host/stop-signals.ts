const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Waits until the process must stop, and returns the reason: a signal, a closed terminal, or a closed output pipe (`… | head`).
 * The handlers stay active after the first signal, so that a second signal does not kill a process that is still stopping its
 * jobs. The handlers also drop output that nobody reads.
 */
export function stopSignals(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve(signal));
    process.stdout.on('error', () => resolve('a closed output'));
    process.stderr.on('error', () => {});
  });
}
