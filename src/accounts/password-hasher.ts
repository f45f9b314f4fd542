/** Hashes passwords as Dendrite does, off the event loop. */
export type HashPassword = (password: string) => Promise<string>;

/** Each hash keeps a thread busy that the homeserver needs for other things: no more than `concurrency` are made at once. */
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
      // A native module: most processes start faster than they need it.
      const { hash } = await import('@node-rs/bcrypt');
      return await hash(password, { cost: bcryptCost, version: '2a' });
    } finally {
      // Whoever waits takes the place over.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
