import type { Socket } from 'node:net';
import knex, { type Knex } from 'knex';

/** The part of a connection of `pg` that the pool wraps. */
interface Connection {
  query: (...input: unknown[]) => unknown;
  readonly connection: { readonly stream: Socket };
}

/**
 * A stand-in for a process that dies after some effects. It has a pool, whose statements count as effects, and a function that
 * counts the process's other effects.
 */
export interface MortalProcess {
  readonly db: Knex;
  /** Counts an effect. @throws Error if the process is dead, or if it dies at this effect */
  readonly effect: () => void;
  /** Number of effects so far. */
  readonly effects: () => number;
  readonly isDead: () => boolean;
}

/**
 * Creates a stand-in for a process that `kill -9` ends. After `effectsToLive` statements and other effects, the process can do
 * nothing more. At the same moment its connections are cut, so PostgreSQL rolls back its uncommitted transactions.
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
