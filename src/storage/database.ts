import type { Knex } from 'knex';
import { isKnownMigration, migrationConfig, OWN_SCHEMA } from '../migrations/migrations.ts';
import { codeOf } from './database-failures.ts';
import { transact } from './transact.ts';

/** A connection pool or a transaction. Queries accept both. */
export type Db = Knex | Knex.Transaction;

/**
 * The first argument of `pg_advisory_xact_lock(namespace, key)` for the locks in `LOCKS`. No other program that uses the
 * database is expected to use this value.
 */
const LOCK_NAMESPACE = 0x6d61_646d; // "madm"
/**
 * The first argument of `pg_advisory_xact_lock(namespace, key)` for the locks on files of media. The key of a file is
 * `hashtext()` of the hash of its content.
 */
const MEDIA_LOCK_NAMESPACE = 0x6d61_6466; // "madf"
/** The second argument of `pg_advisory_xact_lock(namespace, key)`: the key of each lock. See also `EVENT_LOCKS`. */
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
 * Number of lock keys that all event ids share. Each event id has one of the 256 keys from `LOCKS.searchEvents` on. The ids of
 * users who receive server notices share another 256 keys, from `LOCKS.notices` on.
 */
const EVENT_LOCKS = 256;
/** The SQLSTATE lock_not_available. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Runs a query that was made with Knex's `raw()`, and returns its rows. */
export async function rowsOf<Row>(query: PromiseLike<{ rows: Row[] }>): Promise<Row[]> {
  return (await query).rows;
}

/**
 * SQL for an array of texts, with one parameter, which is the result of `textsOf()`. If an array of thousands of texts were the
 * parameter, the driver would take several times longer to send it.
 */
export const TEXTS = 'ARRAY(SELECT json_array_elements_text(CAST(? AS json)))';

/** Returns the parameter of `TEXTS`. Replaces lone surrogates, which PostgreSQL cannot store. */
export const textsOf = (texts: readonly string[]): string => JSON.stringify(texts.map((text) => text.toWellFormed()));

/**
 * Checks that this version of the plugin can use the plugin's tables, which are in the schema `matrix_admin`. The table
 * `requirements` lists migrations. A version of the plugin that does not know one of these migrations cannot use the tables.
 * @throws Error if this version does not know one of these migrations
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
 * Creates the plugin's own schema, `matrix_admin`, if it does not exist. Then runs those migrations that have not run yet, all
 * in one transaction. Processes that start at the same time wait for each other.
 * @throws Error if a newer version of the plugin has changed the tables so that this version cannot use them
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
 * Waits until all promises are settled, so that none of the work is running when the caller continues. Returns the results. If
 * promises were rejected, throws the error of the first rejected promise in the list.
 */
export async function allEnded<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/**
 * Limits each wait of this transaction for a lock to one second. While a transaction waits for an exclusive lock, all later
 * requests for the lock wait behind this transaction. With the limit, the transaction soon fails instead, and the caller can
 * try again later. `isLockTimeout()` recognises the error.
 */
export async function setLockTimeout(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw(`SET LOCAL lock_timeout = '1s'`);
}

/** Tells whether a transaction failed because it waited for a lock for longer than PostgreSQL's `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === LOCK_NOT_AVAILABLE;
}

/**
 * Waits until no other transaction changes the search index, and blocks new changes until the end of this transaction.
 * Transactions that change the search index hold the lock of `lockSearchShared()`. The function also calls `setLockTimeout()`.
 * @throws Error if the wait takes longer than a second; `isLockTimeout()` is true for this error
 */
export async function lockSearch(transaction: Knex.Transaction): Promise<void> {
  await setLockTimeout(transaction);
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.search]);
}

/**
 * Locks events of the search index until the end of the transaction. Other transactions that call this function for the same
 * events wait. Many event ids share one lock, so other events may be locked, too.
 */
export async function lockSearchEvents(transaction: Knex.Transaction, eventIds: readonly string[]): Promise<void> {
  await lockTexts(transaction, LOCKS.searchEvents, eventIds);
}

/**
 * Locks texts, such as event ids, until the end of the transaction. Takes the locks in the order of their keys, so that
 * transactions do not deadlock.
 */
async function lockTexts(transaction: Knex.Transaction, firstKey: number, texts: readonly string[]): Promise<void> {
  if (texts.length === 0) return;
  await transaction.raw(
    `SELECT pg_advisory_xact_lock(?, key) FROM (
       SELECT DISTINCT ? + (hashtext(text) & ?) AS key FROM unnest(?::text[]) AS text ORDER BY key) AS keys`,
    [LOCK_NAMESPACE, firstKey, EVENT_LOCKS - 1, [...texts]],
  );
}

/**
 * Takes a shared lock until the end of the transaction. Each transaction that changes the search index must take this lock.
 * Such transactions do not block each other, but `lockSearch()` waits for all of them.
 */
export async function lockSearchShared(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock_shared(?, ?)', [LOCK_NAMESPACE, LOCKS.search]);
}

/**
 * Locks the receivers of a server notice until the end of the transaction. Other transactions that send notices to the same
 * users wait. Without the lock, two transactions could each create a notice room for the same user.
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

/**
 * Blocks other transactions that look for an approval and may add one, until the end of this transaction. All these
 * transactions take this lock.
 */
export async function lockApprovals(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.approvals]);
}

/**
 * Locks files of media, by the hashes of their contents, until the end of the transaction. The homeserver must take the lock
 * before it stores a file. The plugin takes the lock before it removes a file. The function takes the locks in the order of
 * their keys, so that transactions do not deadlock.
 */
export async function lockMediaFiles(transaction: Knex.Transaction, hashes: readonly string[]): Promise<void> {
  await transaction.raw(
    `SELECT pg_advisory_xact_lock(?, key)
     FROM (SELECT DISTINCT hashtext(hash) AS key FROM unnest(?::text[]) AS hash ORDER BY key) AS keys`,
    [MEDIA_LOCK_NAMESPACE, [...hashes]],
  );
}

/**
 * Blocks other transactions that demote, deactivate, lock or suspend an administrator, until the end of this transaction. All
 * these transactions take this lock.
 */
export async function lockAdmins(transaction: Knex.Transaction): Promise<void> {
  await transaction.raw('SELECT pg_advisory_xact_lock(?, ?)', [LOCK_NAMESPACE, LOCKS.admins]);
}
