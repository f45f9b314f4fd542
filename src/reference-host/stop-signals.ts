const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Waits until the process must stop, and returns the reason: the name of a signal (SIGHUP means that the terminal was closed),
 * or `a closed output` if nobody reads standard output any more (`… | head`). The handlers stay active after the first signal,
 * so that a second signal does not kill a process that is still stopping its jobs. The handlers also keep a failed write to
 * standard output or standard error from ending the process.
 */
export function stopSignals(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve(signal));
    process.stdout.on('error', () => resolve('a closed output'));
    process.stderr.on('error', () => {});
  });
}
