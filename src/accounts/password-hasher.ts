/** Hashes passwords as Dendrite does, off the event loop. */
export type HashPassword = (password: string) => Promise<string>;

/** Makes at most `concurrency` hashes at once, because each keeps a thread busy that the homeserver also needs. */
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
      // Loaded on first use: the native module would slow every start.
      const { hash } = await import('@node-rs/bcrypt');
      return await hash(password, { cost: bcryptCost, version: '2a' });
    } finally {
      // The next waiting call takes this place.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
