import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** Restrictions that administrators have put on an account. Client-Server API, "Account suspension" and "Account locking". */
export interface AccountRestrictions {
  /** The user may read, leave rooms and redact, but may send nothing else. */
  readonly suspended: boolean;
  /** The user may only log out. */
  readonly locked: boolean;
}

export type Restriction = keyof AccountRestrictions;

/** The restrictions of a user's account. As in Dendrite, the account with the lower-case localpart has priority. */
export async function findRestrictions(db: Db, userId: UserId): Promise<AccountRestrictions> {
  const { localpart, serverName } = splitUserId(userId);
  const rows = await rowsOf<{ restriction: Restriction }>(
    db.raw('SELECT restriction FROM matrix_admin.account_restrictions WHERE user_id IN (?, ?)', [
      userId,
      userIdOf(localpart.toLowerCase(), serverName),
    ]),
  );
  const has = (restriction: Restriction): boolean => rows.some((row) => row.restriction === restriction);
  return { suspended: has('suspended'), locked: has('locked') };
}

/** Restricts an account. If the account is already restricted, this updates who did it. */
export async function insertRestriction(
  db: Db,
  userId: UserId,
  restriction: Restriction,
  setBy: string,
): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.account_restrictions (user_id, restriction, set_by) VALUES (?, ?, ?)
     ON CONFLICT (user_id, restriction) DO UPDATE SET set_by = excluded.set_by, set_at = excluded.set_at`,
    [userId, restriction, setBy],
  );
}

export async function deleteRestriction(db: Db, userId: UserId, restriction: Restriction): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.account_restrictions WHERE user_id = ? AND restriction = ?', [
    userId,
    restriction,
  ]);
}

/** Lifts all restrictions of an account. */
export async function deleteRestrictions(db: Db, userId: UserId): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.account_restrictions WHERE user_id = ?', [userId]);
}
