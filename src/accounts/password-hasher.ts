/** Hashes passwords as Dendrite does, off the event loop. */
export type HashPassword = (password: string) => Promise<string>;

/** Creates a hasher that computes at most `concurrency` hashes at once. The limit leaves threads for the homeserver. */
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
      // The module is imported on first use, because a native module slows down the start.
      const { hash } = await import('@node-rs/bcrypt');
      return await hash(password, { cost: bcryptCost, version: '2a' });
    } finally {
      // A waiting call takes over this call's place. If no call waits, the place becomes free.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
