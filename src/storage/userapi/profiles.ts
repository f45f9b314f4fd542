import type { Knex } from 'knex';
import { splitUserId, type UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { summariseUser } from '../plugin/user-summaries.ts';

export interface Profile {
  readonly displayName: string;
  readonly avatarUrl: string;
}

/** Finds a user's profile. Returns `undefined` if the user has no profile. */
export async function findProfile(db: Db, userId: UserId): Promise<Profile | undefined> {
  const { localpart, serverName } = splitUserId(userId);
  const [row] = await rowsOf<{ display_name: string | null; avatar_url: string | null }>(
    db.raw('SELECT display_name, avatar_url FROM public.userapi_profiles WHERE localpart = ? AND server_name = ?', [
      localpart,
      serverName,
    ]),
  );
  return row && { displayName: row.display_name ?? '', avatarUrl: row.avatar_url ?? '' };
}

/** Finds the profiles of the given users. The result lacks users without a profile. */
export async function findProfiles(db: Db, userIds: readonly UserId[]): Promise<Map<UserId, Profile>> {
  const rows = await rowsOf<{ user_id: UserId; display_name: string | null; avatar_url: string | null }>(
    db.raw(
      `SELECT u.user_id, p.display_name, p.avatar_url
       FROM unnest(?::text[]) AS u(user_id) JOIN public.userapi_profiles p
         ON p.localpart = substr(split_part(u.user_id, ':', 1), 2)
         AND p.server_name = substr(u.user_id, strpos(u.user_id, ':') + 1)`,
      [[...userIds]],
    ),
  );
  return new Map(
    rows.map((row) => [row.user_id, { displayName: row.display_name ?? '', avatarUrl: row.avatar_url ?? '' }]),
  );
}

export async function upsertProfile(
  transaction: Knex.Transaction,
  userId: UserId,
  { displayName, avatarUrl }: Profile,
): Promise<void> {
  const { localpart, serverName } = splitUserId(userId);
  await transaction.raw(
    `INSERT INTO public.userapi_profiles (localpart, server_name, display_name, avatar_url) VALUES (?, ?, ?, ?)
     ON CONFLICT (localpart, server_name) DO UPDATE SET display_name = excluded.display_name,
       avatar_url = excluded.avatar_url`,
    [localpart, serverName, displayName, avatarUrl],
  );
  await summariseUser(transaction, userId);
}

/** Changes those fields of a profile that are not `undefined`. Creates the profile if the user has none. */
export async function updateProfile(
  transaction: Knex.Transaction,
  userId: UserId,
  { displayName, avatarUrl }: { readonly [Key in keyof Profile]: string | undefined },
): Promise<void> {
  const { localpart, serverName } = splitUserId(userId);
  await transaction.raw(
    `INSERT INTO public.userapi_profiles AS p (localpart, server_name, display_name, avatar_url)
     VALUES (:localpart, :serverName, coalesce(:displayName, ''), coalesce(:avatarUrl, ''))
     ON CONFLICT (localpart, server_name) DO UPDATE SET
       display_name = coalesce(:displayName, p.display_name), avatar_url = coalesce(:avatarUrl, p.avatar_url)`,
    { localpart, serverName, displayName: displayName ?? null, avatarUrl: avatarUrl ?? null },
  );
  await summariseUser(transaction, userId);
}
