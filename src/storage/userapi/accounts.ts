import type { Knex } from 'knex';
import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import { type Db, lockAdmins, rowsOf } from '../database.ts';
import { summariseUser } from '../plugin/user-summaries.ts';

/**
 * Finds the `account_type` of an account that is not deactivated. Returns `undefined` if there is no such account. As in
 * Dendrite, an account with the lower-case localpart has priority over an account with exactly the given localpart.
 */
export async function findAccountType(db: Db, userId: UserId): Promise<number | undefined> {
  const { localpart, serverName } = splitUserId(userId);
  const [account] = await rowsOf<{ account_type: number }>(
    db.raw(
      `SELECT account_type FROM public.userapi_accounts
       WHERE localpart IN (:lower, :localpart) AND server_name = :serverName AND is_deactivated IS NOT TRUE
       ORDER BY (localpart = :lower) DESC LIMIT 1`,
      { lower: localpart.toLowerCase(), localpart, serverName },
    ),
  );
  return account?.account_type;
}

/**
 * Finds the account with the lower-case form of the given localpart, and returns the id of the application service that
 * registered it. The id is `null` if no application service registered the account. Returns `undefined` if the account does not
 * exist.
 */
export async function findAppserviceOf(db: Db, userId: UserId): Promise<{ appserviceId: string | null } | undefined> {
  const { localpart, serverName } = splitUserId(userId);
  const [account] = await rowsOf<{ appserviceId: string | null }>(
    db.raw(
      `SELECT appservice_id AS "appserviceId" FROM public.userapi_accounts WHERE localpart = ? AND server_name = ?`,
      [localpart.toLowerCase(), serverName],
    ),
  );
  return account;
}

/** A new account. */
export interface NewAccount {
  readonly userId: UserId;
  /** Hash of the password. If the hash is empty, nobody can log in with a password. */
  readonly passwordHash: string;
  readonly accountType: number;
  /** In ms since the epoch. */
  readonly createdAt: number;
}

/**
 * Creates an account without a profile. The summary of the account is written together with its profile.
 * @returns `false` if an account with this user id already exists
 */
export async function insertAccount(
  transaction: Knex.Transaction,
  { userId, passwordHash, accountType, createdAt }: NewAccount,
): Promise<boolean> {
  const { localpart, serverName } = splitUserId(userId);
  const rows = await rowsOf<{ localpart: string }>(
    transaction.raw(
      `INSERT INTO public.userapi_accounts
         (localpart, server_name, created_ts, password_hash, appservice_id, account_type, is_deactivated)
       VALUES (?, ?, ?, ?, NULL, ?, false) ON CONFLICT (localpart, server_name) DO NOTHING RETURNING localpart`,
      [localpart, serverName, createdAt, passwordHash, accountType],
    ),
  );
  return rows.length > 0;
}

/** Tells whether an account exists, even if it is deactivated. The localpart must be spelled exactly as in the account. */
export async function isAccount(db: Db, userId: UserId): Promise<boolean> {
  return (await findAccount(db, userId)) !== undefined;
}

/**
 * Lists the accounts, except deactivated ones, of people on the given servers, in the order of localpart and server name, at
 * most `limit` accounts. If `after` is given, the list starts after this user. Guests and application services are not people.
 */
export async function listPeople(
  db: Db,
  serverNames: readonly string[],
  after: UserId | undefined,
  limit: number,
): Promise<UserId[]> {
  const rows = await rowsOf<{ localpart: string; server_name: string }>(
    db.raw(
      `SELECT localpart, server_name FROM public.userapi_accounts
       WHERE server_name = ANY(:serverNames) AND account_type = ANY('{1,3}') AND is_deactivated IS NOT TRUE
         AND (CAST(:after AS text) IS NULL OR (localpart COLLATE "C", server_name COLLATE "C") > (:localpart, :serverName))
       ORDER BY localpart COLLATE "C", server_name COLLATE "C" LIMIT :limit`,
      {
        serverNames: [...serverNames],
        after: after ?? null,
        localpart: after === undefined ? '' : splitUserId(after).localpart,
        serverName: after === undefined ? '' : splitUserId(after).serverName,
        limit,
      },
    ),
  );
  return rows.map((row) => userIdOf(row.localpart, row.server_name));
}

/**
 * Counts the accounts, except deactivated ones, of people on the given servers. Guests and application services are not people.
 */
export async function countPeople(db: Db, serverNames: readonly string[]): Promise<number> {
  const [row] = await rowsOf<{ people: number }>(
    db.raw(
      `SELECT count(*)::int AS people FROM public.userapi_accounts
       WHERE server_name = ANY(?) AND account_type = ANY('{1,3}') AND is_deactivated IS NOT TRUE`,
      [[...serverNames]],
    ),
  );
  return row?.people ?? 0;
}

/** An account. It may be deactivated. */
export interface Account {
  readonly accountType: number;
  readonly isDeactivated: boolean;
  /** Id of the application service that registered the account. `null` for other accounts. */
  readonly appserviceId: string | null;
}

/** Finds an account. The localpart must be spelled exactly as in the account. */
export function findAccount(db: Db, userId: UserId): Promise<Account | undefined> {
  return readAccount(db, userId, '');
}

/** Finds an account and locks it until the end of the transaction. The localpart must be spelled exactly as in the account. */
export function lockAccount(transaction: Knex.Transaction, userId: UserId): Promise<Account | undefined> {
  return readAccount(transaction, userId, 'FOR UPDATE');
}

async function readAccount(db: Db, userId: UserId, locking: string): Promise<Account | undefined> {
  const { localpart, serverName } = splitUserId(userId);
  const [row] = await rowsOf<{ account_type: number; is_deactivated: boolean | null; appservice_id: string | null }>(
    db.raw(
      `SELECT account_type, is_deactivated, appservice_id FROM public.userapi_accounts
       WHERE localpart = ? AND server_name = ? ${locking}`,
      [localpart, serverName],
    ),
  );
  return (
    row && {
      accountType: row.account_type,
      isDeactivated: row.is_deactivated === true,
      appserviceId: row.appservice_id,
    }
  );
}

/**
 * Counts the other administrators who are not deactivated, locked or suspended. Takes a lock until the end of the transaction,
 * so only one transaction at a time can count administrators. Without the lock, two transactions could remove the last two
 * administrators at the same time.
 */
export async function countOtherAdmins(transaction: Knex.Transaction, userId: UserId): Promise<number> {
  await lockAdmins(transaction);
  const { localpart, serverName } = splitUserId(userId);
  const [row] = await rowsOf<{ admins: string }>(
    transaction.raw(
      `SELECT count(*) AS admins FROM public.userapi_accounts a
       WHERE account_type = 3 AND is_deactivated IS NOT TRUE AND (localpart, server_name) <> (?, ?) AND NOT EXISTS (
         SELECT FROM matrix_admin.account_restrictions r WHERE r.user_id = '@' || a.localpart || ':' || a.server_name AND r.restriction IN ('suspended', 'locked'))`,
      [localpart, serverName],
    ),
  );
  return Number(row?.admins ?? 0);
}

export async function updateAccountType(
  transaction: Knex.Transaction,
  userId: UserId,
  accountType: number,
): Promise<void> {
  const { localpart, serverName } = splitUserId(userId);
  await transaction.raw('UPDATE public.userapi_accounts SET account_type = ? WHERE localpart = ? AND server_name = ?', [
    accountType,
    localpart,
    serverName,
  ]);
  await summariseUser(transaction, userId);
}

/** Sets the password hash of an account. @returns whether the account exists */
export async function updatePasswordHash(
  transaction: Knex.Transaction,
  userId: UserId,
  passwordHash: string,
): Promise<boolean> {
  const { localpart, serverName } = splitUserId(userId);
  const rows = await rowsOf<{ localpart: string }>(
    transaction.raw(
      `UPDATE public.userapi_accounts SET password_hash = ? WHERE localpart = ? AND server_name = ? RETURNING localpart`,
      [passwordHash, localpart, serverName],
    ),
  );
  return rows.length > 0;
}

/**
 * Deactivates or reactivates an account. Deactivation also deletes the password hash, so that the old password stays invalid
 * after a reactivation.
 */
export async function updateDeactivation(
  transaction: Knex.Transaction,
  userId: UserId,
  isDeactivated: boolean,
): Promise<void> {
  const { localpart, serverName } = splitUserId(userId);
  await transaction.raw(
    `UPDATE public.userapi_accounts SET is_deactivated = :isDeactivated,
       password_hash = CASE WHEN :isDeactivated THEN '' ELSE password_hash END
     WHERE localpart = :localpart AND server_name = :serverName`,
    { isDeactivated, localpart, serverName },
  );
  await summariseUser(transaction, userId);
}
