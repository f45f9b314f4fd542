import type { Knex } from 'knex';

/**
 * The property of Knex's client that has its connection pool, a pool of the package tarn.js. Knex's types do not declare it.
 */
interface PooledClient {
  readonly pool?: {
    readonly numUsed: () => number;
    readonly numFree: () => number;
    readonly numPendingAcquires: () => number;
  };
}

/** Numbers of used and free connections of a pool, and of calls that wait for a connection. */
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
