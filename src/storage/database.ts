import type { Knex } from 'knex';
import { isKnownMigration, migrationConfig, OWN_SCHEMA } from '../migrations/migrations.ts';
import { codeOf } from './database-failures.ts';
import { transact } from './transact.ts';

/** A connection pool or a transaction: queries take either. */
export type Db = Knex | Knex.Transaction;

/** The namespace of `pg_advisory_xact_lock(namespace, key)`. Only this plugin uses it. */
const LOCK_NAMESPACE = 0x6d61_646d; // "madm"
const LOCKS = { migrations: 1, search: 2, searchEvents: 1_000, notices: 2_000, noticesAccount: 3, admins: 4 } as const;
/** Events share so many locks, from `LOCKS.searchEvents` on; so do users, from `LOCKS.notices` on. */
const EVENT_LOCKS = 256;
/** SQLSTATE lock_not_available. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Rows of a `raw()` query. */
export async function rowsOf<Row>(query: PromiseLike<{ rows: Row[] }>): Promise<Row[]> {
  return (await query).rows;
}

/** @throws Error when a newer version has changed the tables so that this one can't work with them */
async function requireKnownMigrations(db: Db): Promise<void> {
  const rows = await rowsOf<{ migration: string; remedy: string }>(
    db.raw('SELECT migration, remedy FROM matrix_admin.requirements ORDER BY migration'),
  );
  const unknown = rows.find(({ migration }) => !isKnownMigration(migration));
  if (unknown === undefined) return;
  throw new Error(
    `a newer version of the plugin has changed its tables (${unknown.migration}), and this one can't use them: ${unknown.remedy}`,
  );
}

/**
 * Makes and migrates the plugin's own schema. Processes that start together wait for each other.
 * @throws Error when a newer version has changed the tables so that this one can't work with them
 */
export async function migrateOwnSchema(db: Knex): Promise<void> {
  await transact(db, async (transaction) => {
    await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.migrations]);
    // Even with IF NOT EXISTS, CREATE SCHEMA asks for a privilege that an owner of the schema need not have.
    const [schema] = await rowsOf<{ oid: string | null }>(
      transaction.raw('SELECT to_regnamespace(?) AS oid', [OWN_SCHEMA]),
    );
    if (!schema?.oid) await transaction.raw('CREATE SCHEMA ??', [OWN_SCHEMA]);
    await transaction.migrate.latest(migrationConfig);
    await requireKnownMigrations(transaction);
  });
}

/** Waits until all work has ended, then throws the first error, if any. Nothing is still running after the call. */
export async function allEnded(work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

/**
 * Whoever waits for an exclusive lock keeps everybody else waiting behind it. So the wait is short and the transaction
 * is tried again, for as long as it takes: see `isLockTimeout()`.
 */
export async function setLockTimeout(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw(`SET LOCAL lock_timeout = '1s'`);
}

/** Whether a transaction failed because others held a lock that it needs. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === LOCK_NOT_AVAILABLE;
}

/**
 * Waits until no transaction changes the search index, and keeps others from it until the end of this one.
 * @throws Error for which `isLockTimeout()` is true
 */
export async function lockSearch(transaction: Knex.Transaction): Promise<void> {
  await setLockTimeout(transaction);
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.search]);
}

/** Keeps other transactions from the same events of the index. The ids share a few locks, which are taken in order. */
export async function lockSearchEvents(transaction: Knex.Transaction, eventIds: readonly string[]): Promise<void> {
  await lockTexts(transaction, LOCKS.searchEvents, eventIds);
}

async function lockTexts(transaction: Knex.Transaction, firstKey: number, texts: readonly string[]): Promise<void> {
  if (texts.length === 0) return;
  await transaction.raw(
    `SELECT pg_advisory_xact_lock(?, key) FROM (
       SELECT DISTINCT ? + (hashtext(text) & ?) AS key FROM unnest(?::text[]) AS text ORDER BY key) AS keys`,
    [LOCK_NAMESPACE, firstKey, EVENT_LOCKS - 1, [...texts]],
  );
}

/** Takes the shared lock of transactions that change the search index. They do not exclude each other. */
export async function lockSearchShared(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock_shared(?, ?)', [LOCK_NAMESPACE, LOCKS.search]);
}

/** Keeps other transactions from sending server notices to the same users, who are to have one room for them each. */
export async function lockNotices(transaction: Knex.Transaction, userIds: readonly string[]): Promise<void> {
  await lockTexts(transaction, LOCKS.notices, userIds);
}

/** Keeps other transactions from making the account that server notices come from. They find it there afterwards. */
export async function lockNoticesAccount(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.noticesAccount]);
}

/** Keeps other transactions from making an administrator less, until the end of this one. */
export async function lockAdmins(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.admins]);
}
