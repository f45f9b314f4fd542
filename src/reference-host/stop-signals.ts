const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Waits for the end of the process and returns its reason: a signal, a closed terminal, or a closed output pipe (`… | head`).
 * The handlers stay active: a second signal must not end a process that is handing back its jobs. Output that nobody reads is
 * dropped.
 */
export function stopSignals(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve(signal));
    process.stdout.on('error', () => resolve('a closed output'));
    process.stderr.on('error', () => {});
  });
}
