/** Hashes passwords as Dendrite does, off the event loop. */
export type HashPassword = (password: string) => Promise<string>;

/** Computes at most `concurrency` hashes at once. Each hash occupies a thread that the homeserver also needs. */
export function createPasswordHasher({
  bcryptCost,
  concurrency,
}: {
  readonly bcryptCost: number;
  readonly concurrency: number;
}): HashPassword {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (password) => {
    if (running >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      // Loaded on first use, because the native module would slow down every start.
      const { hash } = await import('@node-rs/bcrypt');
      return await hash(password, { cost: bcryptCost, version: '2a' });
    } finally {
      // The next waiting call starts. If no call waits, fewer are running.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
