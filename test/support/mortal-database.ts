import type { Socket } from 'node:net';
import knex, { type Knex } from 'knex';

/** The part of a connection of `pg` that the pool wraps. */
interface Connection {
  query: (...input: unknown[]) => unknown;
  readonly connection: { readonly stream: Socket };
}

/** The means of a process that dies after some effects: its pool, and a counter that its other effects share. */
export interface MortalProcess {
  readonly db: Knex;
  /** Counts an effect. @throws Error if the process is dead, or dies of this one */
  readonly effect: () => void;
  /** Number of effects so far. */
  readonly effects: () => number;
  readonly isDead: () => boolean;
}

/**
 * Stands in for a process that `kill -9` ends: after a number of statements and other effects, it can do nothing more. Its
 * connections are cut in the same moment, so that PostgreSQL rolls back what was not committed.
 */
export function createMortalProcess(connectionString: string, effectsToLive: number): MortalProcess {
  const connections: Connection[] = [];
  let effects = 0;
  let dead = false;
  const effect = (): void => {
    effects += 1;
    if (!dead && effects > effectsToLive) {
      dead = true;
      for (const { connection } of connections) connection.stream.destroy();
    }
    if (dead) throw new Error('the process is dead');
  };
  const afterCreate = (connection: Connection, done: (error: unknown, connection: Connection) => void): void => {
    const query = connection.query.bind(connection);
    connection.query = (...input) => {
      try {
        effect();
      } catch (error) {
        const callback = input.at(-1);
        if (typeof callback === 'function') setImmediate(() => void Reflect.apply(callback, undefined, [error]));
        return undefined;
      }
      return query(...input);
    };
    connections.push(connection);
    if (dead) connection.connection.stream.destroy();
    done(null, connection);
  };
  const db = knex({
    client: 'pg',
    connection: connectionString,
    pool: { min: 0, max: 6, afterCreate },
    acquireConnectionTimeout: 10_000,
    log: { warn: () => {}, error: () => {}, debug: () => {}, deprecate: () => {} },
  });
  return { db, effect, effects: () => effects, isDead: () => dead };
}
