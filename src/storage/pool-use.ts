import type { Knex } from 'knex';

/** The part of Knex's client that this file reads. Knex's types do not declare it. */
interface PooledClient {
  /** The connection pool, from the package `tarn`. Knex deletes this property when the pool is closed. */
  readonly pool?: {
    readonly numUsed: () => number;
    readonly numFree: () => number;
    readonly numPendingAcquires: () => number;
  };
}

/** Numbers of a pool's connections in use, of its free connections, and of calls that wait for a connection. */
export type PoolUse = Readonly<Record<'used' | 'free' | 'waiting', number>>;

/** Returns the use of a Knex instance's pool. After the pool was closed, all numbers are 0. */
export function readPoolUse(db: Knex): PoolUse {
  const { pool } = db.client as PooledClient;
  return {
    used: pool?.numUsed() ?? 0,
    free: pool?.numFree() ?? 0,
    waiting: pool?.numPendingAcquires() ?? 0,
  };
}
