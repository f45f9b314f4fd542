import type { UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { summariseUser } from './user-summaries.ts';

/** A restriction that an administrator can put on an account. */
export type Restriction = 'suspended' | 'locked' | 'shadow_banned';

/** Lists the restrictions of an account. Upper and lower case of the user id must be the same as in the account. */
export async function listRestrictions(db: Db, userId: UserId): Promise<Restriction[]> {
  const rows = await rowsOf<{ restriction: Restriction }>(
    db.raw('SELECT restriction FROM matrix_admin.account_restrictions WHERE user_id = ?', [userId]),
  );
  return rows.map(({ restriction }) => restriction);
}

/**
 * Restricts an account, and updates the account's row in `user_summaries`. If the account already has the restriction, replaces
 * `setBy` and the time of the earlier restriction.
 * @param setBy who sets the restriction
 */
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
  await summariseUser(db, userId);
}

/** Removes one restriction of an account, and updates the account's row in `user_summaries`. */
export async function deleteRestriction(db: Db, userId: UserId, restriction: Restriction): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.account_restrictions WHERE user_id = ? AND restriction = ?', [
    userId,
    restriction,
  ]);
  await summariseUser(db, userId);
}

/** Removes all restrictions of an account, and updates the account's row in `user_summaries`. */
export async function deleteRestrictions(db: Db, userId: UserId): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.account_restrictions WHERE user_id = ?', [userId]);
  await summariseUser(db, userId);
}
