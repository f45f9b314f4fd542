import type { UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { summariseUser } from './user-summaries.ts';

/** Synapse's user types. An account of a person has none of these types. */
export const USER_TYPES = ['bot', 'support'] as const;
export type UserType = (typeof USER_TYPES)[number];

/**
 * Sets the user type of an account, and updates the account's row in `user_summaries`. @param userType `null` if the account
 * belongs to a person
 */
export async function setUserType(db: Db, userId: UserId, userType: UserType | null): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.account_attributes (user_id, user_type) VALUES (?, ?)
     ON CONFLICT (user_id) DO UPDATE SET user_type = excluded.user_type`,
    [userId, userType],
  );
  await summariseUser(db, userId);
}

/** Records that a user was erased, by whom, and when. */
export async function noteErasure(db: Db, userId: UserId, erasedBy: string): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.account_attributes (user_id, erased_by, erased_at) VALUES (?, ?, clock_timestamp())
     ON CONFLICT (user_id) DO UPDATE SET erased_by = excluded.erased_by, erased_at = excluded.erased_at`,
    [userId, erasedBy],
  );
}

/** Deletes the record that a user was erased. */
export async function forgetErasure(db: Db, userId: UserId): Promise<void> {
  await db.raw('UPDATE matrix_admin.account_attributes SET erased_by = NULL, erased_at = NULL WHERE user_id = ?', [
    userId,
  ]);
}

/** A limit for the messages that one user may send. If both numbers are 0, the user may send without a limit. */
export interface RateLimit {
  readonly messagesPerSecond: number;
  /** Maximum number of messages that the user may send at once. */
  readonly burstCount: number;
}

/** Finds the rate limit that was set for a user. Returns `undefined` if none was set, so the homeserver's own limit applies. */
export async function findRateLimit(db: Db, userId: UserId): Promise<RateLimit | undefined> {
  const [row] = await rowsOf<RateLimit>(
    db.raw(
      `SELECT messages_per_second AS "messagesPerSecond", burst_count AS "burstCount" FROM matrix_admin.account_attributes
       WHERE user_id = ? AND messages_per_second IS NOT NULL AND burst_count IS NOT NULL`,
      [userId],
    ),
  );
  return row;
}

/** Sets the rate limit of a user. @param limit `undefined` means that the homeserver's own limit applies again */
export async function setRateLimit(db: Db, userId: UserId, limit: RateLimit | undefined): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.account_attributes (user_id, messages_per_second, burst_count) VALUES (?, ?, ?)
     ON CONFLICT (user_id) DO UPDATE SET messages_per_second = excluded.messages_per_second, burst_count = excluded.burst_count`,
    [userId, limit?.messagesPerSecond ?? null, limit?.burstCount ?? null],
  );
}

/** Synapse's experimental features that administrators can switch on for an account. */
export const EXPERIMENTAL_FEATURES = ['msc3881', 'msc3575', 'msc4222'] as const;
export type ExperimentalFeature = (typeof EXPERIMENTAL_FEATURES)[number];

/** Lists the experimental features that are on for an account. */
export async function listFeatures(db: Db, userId: UserId): Promise<ExperimentalFeature[]> {
  const [row] = await rowsOf<{ features: ExperimentalFeature[] }>(
    db.raw('SELECT features FROM matrix_admin.account_attributes WHERE user_id = ?', [userId]),
  );
  return row?.features ?? [];
}

/** Replaces the list of experimental features that are on for an account. */
export async function setFeatures(db: Db, userId: UserId, features: readonly ExperimentalFeature[]): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.account_attributes (user_id, features) VALUES (?, ?)
     ON CONFLICT (user_id) DO UPDATE SET features = excluded.features`,
    [userId, [...features]],
  );
}

/**
 * Allows a user to replace the current master cross-signing key until a given time, without authenticating again. The
 * permission also ends when the key is replaced, because the permission is stored for this key.
 * @param until ms since the epoch
 * @returns whether the user has a master key; if not, nothing is stored
 */
export async function allowKeyReplacement(db: Db, userId: UserId, until: number): Promise<boolean> {
  const rows = await rowsOf<{ user_id: string }>(
    db.raw(
      `INSERT INTO matrix_admin.account_attributes (user_id, replaceable_master_key, replaceable_until)
       SELECT user_id, key_data, to_timestamp(CAST(? AS double precision) / 1000)
       FROM public.keyserver_cross_signing_keys WHERE user_id = ? AND key_type = 1
       ON CONFLICT (user_id) DO UPDATE SET replaceable_master_key = excluded.replaceable_master_key,
         replaceable_until = excluded.replaceable_until
       RETURNING user_id`,
      [until, userId],
    ),
  );
  return rows.length > 0;
}
