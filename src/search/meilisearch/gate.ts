/** A read-write lock. Any number of `shared` tasks run at the same time. An `exclusive` task runs alone. */
export interface Gate {
  readonly shared: <T>(work: () => Promise<T>) => Promise<T>;
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}

export function createGate(): Gate {
  const sharing = new Set<Promise<unknown>>();
  let lastExclusive: Promise<unknown> = Promise.resolve();

  return {
    shared: async (work) => {
      let awaited: Promise<unknown> | undefined;
      while (awaited !== lastExclusive) {
        awaited = lastExclusive;
        await awaited;
      }
      const done = work();
      const ended = done.catch(() => undefined);
      sharing.add(ended);
      try {
        return await done;
      } finally {
        sharing.delete(ended);
      }
    },
    exclusive: (work) => {
      const done = lastExclusive.then(() => Promise.all(sharing)).then(work);
      lastExclusive = done.catch(() => undefined);
      return done;
    },
  };
}
