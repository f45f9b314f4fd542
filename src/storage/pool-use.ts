import type { Knex } from 'knex';

/** The part of Knex's client that tells how busy its pool is. Knex's types leave it out. The pool is one of tarn.js. */
interface PooledClient {
  readonly pool?: {
    readonly numUsed: () => number;
    readonly numFree: () => number;
    readonly numPendingAcquires: () => number;
  };
}

/** How busy a pool is. `waiting` counts calls that wait for a connection. */
export type PoolUse = Readonly<Record<'used' | 'free' | 'waiting', number>>;

/** Tells how busy the pool of a Knex is. A Knex whose pool has been closed has no connections. */
export function readPoolUse(db: Knex): PoolUse {
  const { pool } = db.client as PooledClient;
  return {
    used: pool?.numUsed() ?? 0,
    free: pool?.numFree() ?? 0,
    waiting: pool?.numPendingAcquires() ?? 0,
  };
}
