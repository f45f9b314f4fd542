const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Waits until the process is to stop, and resolves to the reason: a signal, a closed terminal, or a reader of its output that
 * has gone (`… | head`). The handlers stay. A second signal must not end a process that is handing back its work, and lines that
 * nobody reads are dropped.
 */
export function stopSignals(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve(signal));
    process.stdout.on('error', () => resolve('a closed output'));
    process.stderr.on('error', () => {});
  });
}
