import type { Knex } from 'knex';
import { migrationConfig, OWN_SCHEMA } from '../migrations/migrations.ts';

/** A connection pool or a transaction: queries take either. */
export type Db = Knex | Knex.Transaction;

/** Keys of `pg_advisory_xact_lock(namespace, key)`; the namespace is ours alone. */
const LOCK_NAMESPACE = 0x6d61_646d; // "madm"
const LOCKS = { migrations: 1, search: 2 } as const;

/** Rows of a `raw()` query. */
export async function rowsOf<Row>(query: PromiseLike<{ rows: Row[] }>): Promise<Row[]> {
  return (await query).rows;
}

/** Makes and migrates the plugin's own schema. Processes that start together wait for each other. */
export async function migrateOwnSchema(db: Knex): Promise<void> {
  await db.transaction(async (transaction) => {
    await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.migrations]);
    await transaction.raw('CREATE SCHEMA IF NOT EXISTS ??', [OWN_SCHEMA]);
    await transaction.migrate.latest(migrationConfig);
  });
}

/** Waits until no transaction changes the search index, and keeps others from it until the end of this one. */
export async function lockSearch(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.search]);
}

/** Taken by every transaction that changes the search index, side by side with others. */
export async function lockSearchShared(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock_shared(?, ?)', [LOCK_NAMESPACE, LOCKS.search]);
}
