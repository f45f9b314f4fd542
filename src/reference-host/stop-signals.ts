const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Resolves to the reason once the process is told to stop: by a signal, by a terminal that was closed, or by a reader of its
 * output that has gone (`… | head`). The handlers stay: a second signal must not end a process that is handing back its work,
 * and lines that nobody reads are dropped.
 */
export function stopSignals(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve(signal));
    process.stdout.on('error', () => resolve('a closed output'));
    process.stderr.on('error', () => {});
  });
}
