/** Hashes a password as Dendrite does. The hash is computed in another thread, so it does not block the event loop. */
export type HashPassword = (password: string) => Promise<string>;

/**
 * Creates a function that hashes passwords. Its calls together compute at most `concurrency` hashes at once, so that the
 * homeserver has threads left for other work.
 */
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
      // The module is imported on first use, because loading native code slows down the start.
      const { hash } = await import('@node-rs/bcrypt');
      return await hash(password, { cost: bcryptCost, version: '2a' });
    } finally {
      // This call's place goes to a waiting call. If no call is waiting, the place becomes free.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
