import type { Knex } from 'knex';
import { isKnownMigration, migrationConfig, OWN_SCHEMA } from '../migrations/migrations.ts';
import { codeOf } from './database-failures.ts';
import { transact } from './transact.ts';

/** A connection pool or a transaction. Queries accept both. */
export type Db = Knex | Knex.Transaction;

/** The namespace of `pg_advisory_xact_lock(namespace, key)`. Only this plugin uses it. */
const LOCK_NAMESPACE = 0x6d61_646d; // "madm"
const LOCKS = {
  migrations: 1,
  search: 2,
  searchEvents: 1_000,
  notices: 2_000,
  noticesAccount: 3,
  admins: 4,
  approvals: 5,
} as const;
/**
 * Number of locks that all events share, starting at `LOCKS.searchEvents`. Users share as many, starting at `LOCKS.notices`.
 */
const EVENT_LOCKS = 256;
/** SQLSTATE lock_not_available. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Rows of a `raw()` query. */
export async function rowsOf<Row>(query: PromiseLike<{ rows: Row[] }>): Promise<Row[]> {
  return (await query).rows;
}

/** @throws Error if a newer version has changed the tables so that this version cannot use them */
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
 * Creates and migrates the plugin's own schema. Processes that start together wait for each other.
 * @throws Error if a newer version has changed the tables so that this version cannot use them
 */
export async function migrateOwnSchema(db: Knex): Promise<void> {
  await transact(db, async (transaction) => {
    await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.migrations]);
    // CREATE SCHEMA IF NOT EXISTS needs a privilege on the database, which the owner of an existing schema may lack.
    const [schema] = await rowsOf<{ oid: string | null }>(
      transaction.raw('SELECT to_regnamespace(?) AS oid', [OWN_SCHEMA]),
    );
    if (!schema?.oid) await transaction.raw('CREATE SCHEMA ??', [OWN_SCHEMA]);
    await transaction.migrate.latest(migrationConfig);
    await requireKnownMigrations(transaction);
  });
}

/** Waits until all work has ended, then throws the first error, if any. Afterwards, none of the work is running. */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/**
 * Limits the wait for a lock to 1 s. While a transaction waits for an exclusive lock, later requests for the lock queue
 * behind it. After a short wait, the caller retries the transaction: see `isLockTimeout()`.
 */
export async function setLockTimeout(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw(`SET LOCAL lock_timeout = '1s'`);
}

/** Whether a transaction failed because it waited too long for a lock. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === LOCK_NOT_AVAILABLE;
}

/**
 * Waits until no transaction changes the search index, and blocks new changes until the end of this transaction.
 * @throws Error for which `isLockTimeout()` is true
 */
export async function lockSearch(transaction: Knex.Transaction): Promise<void> {
  await setLockTimeout(transaction);
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.search]);
}

/**
 * Locks events of the search index against other transactions. The event ids share a few locks. The locks are taken in order,
 * so that transactions do not deadlock.
 */
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

/** Locks users against server notices of other transactions, so that each user gets only one notice room. */
export async function lockNotices(transaction: Knex.Transaction, userIds: readonly string[]): Promise<void> {
  await lockTexts(transaction, LOCKS.notices, userIds);
}

/** Keeps other transactions from creating the account that sends server notices. Afterwards, they find the account. */
export async function lockNoticesAccount(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.noticesAccount]);
}

/** Keeps other transactions from asking for an approval, until the end of this one. */
export async function lockApprovals(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.approvals]);
}

/** Keeps other transactions from removing, locking or suspending administrators until the end of this transaction. */
export async function lockAdmins(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.admins]);
}
