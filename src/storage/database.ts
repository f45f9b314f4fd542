import type { Knex } from 'knex';
import { isKnownMigration, migrationConfig, OWN_SCHEMA } from '../migrations/migrations.ts';
import { codeOf } from './database-failures.ts';
import { transact } from './transact.ts';

/** A connection pool or a transaction. Queries accept both. */
export type Db = Knex | Knex.Transaction;

/** The first argument of `pg_advisory_xact_lock(namespace, key)`. Only this plugin uses this value. */
const LOCK_NAMESPACE = 0x6d61_646d; // "madm"
/** The namespace of the locks on the files of media. The key is a hash of the file's hash. */
const MEDIA_LOCK_NAMESPACE = 0x6d61_6466; // "madf"
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
 * Number of locks that all events share. Their keys start at `LOCKS.searchEvents`. The users who receive server notices share
 * as many other locks, whose keys start at `LOCKS.notices`.
 */
const EVENT_LOCKS = 256;
/** The SQLSTATE lock_not_available. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Runs a `raw()` query and returns its rows. */
export async function rowsOf<Row>(query: PromiseLike<{ rows: Row[] }>): Promise<Row[]> {
  return (await query).rows;
}

/**
 * Checks that this version of the plugin can use the plugin's tables, which are in the schema `matrix_admin`.
 * @throws Error if a newer version has changed the tables so that this version cannot use them
 */
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
 * Creates the plugin's own schema and runs its migrations. Processes that start at the same time wait for each other.
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

/**
 * Waits until all work has ended, and then throws the first error, if there is one. So none of the work is running when the
 * caller continues.
 */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/**
 * Limits the wait for a lock to one second. While a transaction waits for an exclusive lock, all later requests for the lock
 * wait behind this transaction. So the transaction gives up soon, and the caller tries again later. See `isLockTimeout()`.
 */
export async function setLockTimeout(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw(`SET LOCAL lock_timeout = '1s'`);
}

/** Tells whether a transaction failed because it waited too long for a lock. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === LOCK_NOT_AVAILABLE;
}

/**
 * Waits until no transaction changes the search index, and blocks new changes until the end of this transaction.
 * @throws Error if the wait takes longer than a second; `isLockTimeout()` is true for this error
 */
export async function lockSearch(transaction: Knex.Transaction): Promise<void> {
  await setLockTimeout(transaction);
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.search]);
}

/**
 * Locks events of the search index, so that other transactions that lock the same events wait. Many event ids share one lock.
 * The function takes the locks in order, so that transactions do not deadlock.
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

/**
 * Takes the shared lock of transactions that change the search index. Such transactions do not block each other, but
 * `lockSearch()` waits for all of them.
 */
export async function lockSearchShared(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock_shared(?, ?)', [LOCK_NAMESPACE, LOCKS.search]);
}

/**
 * Locks users, so that other transactions that send server notices to these users wait. Without the lock, a user could get two
 * notice rooms.
 */
export async function lockNotices(transaction: Knex.Transaction, userIds: readonly string[]): Promise<void> {
  await lockTexts(transaction, LOCKS.notices, userIds);
}

/**
 * Takes the lock for creating the account that sends server notices. Other transactions that want to create the account wait
 * until this transaction ends, and then find that the account exists.
 */
export async function lockNoticesAccount(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.noticesAccount]);
}

/** Blocks other transactions that ask for an approval, until the end of this transaction. */
export async function lockApprovals(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.approvals]);
}

/**
 * Locks files of media, by the hash of their content, until the end of the transaction. The homeserver takes the lock before it
 * stores a file, and the plugin takes the lock before it removes a file. The function takes the locks in order, so that
 * transactions do not deadlock.
 */
export async function lockMediaFiles(transaction: Knex.Transaction, hashes: readonly string[]): Promise<void> {
  await transaction.raw(
    `SELECT pg_advisory_xact_lock(?, key)
     FROM (SELECT DISTINCT hashtext(hash) AS key FROM unnest(?::text[]) AS hash ORDER BY key) AS keys`,
    [MEDIA_LOCK_NAMESPACE, [...hashes]],
  );
}

/** Blocks other transactions that remove, lock or suspend administrators, until the end of this transaction. */
export async function lockAdmins(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.admins]);
}
