import type { UserId } from '../../ids.ts';
import type { Db } from '../database.ts';

/** Synapse's user types for accounts that do not belong to a person. */
export const USER_TYPES = ['bot', 'support'] as const;
export type UserType = (typeof USER_TYPES)[number];

/** @param userType `null`: the account belongs to a person */
export async function setUserType(db: Db, userId: UserId, userType: UserType | null): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.account_attributes (user_id, user_type) VALUES (?, ?)
     ON CONFLICT (user_id) DO UPDATE SET user_type = excluded.user_type`,
    [userId, userType],
  );
}

/** Records that a user asked for erasure, and who erased the user. */
export async function noteErasure(db: Db, userId: UserId, erasedBy: string): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.account_attributes (user_id, erased_by, erased_at) VALUES (?, ?, clock_timestamp())
     ON CONFLICT (user_id) DO UPDATE SET erased_by = excluded.erased_by, erased_at = excluded.erased_at`,
    [userId, erasedBy],
  );
}

export async function forgetErasure(db: Db, userId: UserId): Promise<void> {
  await db.raw('UPDATE matrix_admin.account_attributes SET erased_by = NULL, erased_at = NULL WHERE user_id = ?', [
    userId,
  ]);
}
