import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { UserType } from '../plugin/account-attributes.ts';
import { IS_OWN_DEVICE } from '../plugin/admin-logins.ts';

/** A local user, active or deactivated. Times are in ms since the epoch. */
export interface User {
  readonly userId: UserId;
  readonly accountType: number;
  readonly isDeactivated: boolean;
  readonly createdAt: number;
  /** Id of the application service that registered the user. `null` for other users. */
  readonly appserviceId: string | null;
  readonly displayName: string | null;
  readonly avatarUrl: string | null;
  readonly userType: UserType | null;
  readonly isErased: boolean;
  readonly isLocked: boolean;
  readonly isSuspended: boolean;
  readonly isShadowBanned: boolean;
  /** Time of the last request from any of the user's existing devices. */
  readonly lastSeenAt: number | null;
}

/** Conditions on users. A condition that is absent matches all users. */
export interface UserFilter {
  readonly serverNames: readonly string[];
  /** Whether guests match. */
  readonly guests: boolean;
  /** Whether locked users match. */
  readonly locked: boolean;
  readonly deactivated?: boolean | undefined;
  readonly admins?: boolean | undefined;
  /** A whole user id. A user whose localpart is the lower-case spelling also matches. */
  readonly userId?: UserId | undefined;
  /** A part of a user id. Case is ignored. */
  readonly partOfUserId?: string | undefined;
  /** A part of a localpart or of a display name. Case is ignored. */
  readonly partOfName?: string | undefined;
  /** User types that do not match. `null` stands for people. */
  readonly notUserTypes?: readonly (UserType | null)[] | undefined;
}

const USER_ID = `'@' || a.localpart || ':' || a.server_name`;
const LAST_SEEN = `(SELECT max(d.last_seen_ts) FROM public.userapi_devices d
  WHERE d.localpart = a.localpart AND d.server_name = a.server_name AND ${IS_OWN_DEVICE})`;
const restricted = (restriction: string): string => `EXISTS (SELECT FROM matrix_admin.account_restrictions r
  WHERE r.restriction = '${restriction}' AND r.user_id = ${USER_ID})`;

/** SQL joins for the columns of users. If a query does not use the columns of a join, PostgreSQL leaves the join out. */
const DETAILS = `LEFT JOIN public.userapi_profiles p ON p.localpart = a.localpart AND p.server_name = a.server_name
  LEFT JOIN matrix_admin.account_attributes x ON x.user_id = ${USER_ID}`;

/** SQL join for sorting by activity, which needs the value of every user. This join is faster than one lookup for each user. */
const SEEN = `LEFT JOIN (
    SELECT localpart, server_name, max(last_seen_ts) AS last_seen_ts FROM public.userapi_devices d
    WHERE ${IS_OWN_DEVICE} GROUP BY 1, 2
  ) AS seen ON seen.localpart = a.localpart AND seen.server_name = a.server_name`;

const COLUMNS = `a.localpart, a.server_name, a.account_type, a.is_deactivated, a.created_ts, a.appservice_id,
  nullif(p.display_name, '') AS display_name, nullif(p.avatar_url, '') AS avatar_url, x.user_type,
  x.erased_at IS NOT NULL AS is_erased, ${LAST_SEEN} AS last_seen_ts,
  ARRAY(SELECT r.restriction FROM matrix_admin.account_restrictions r WHERE r.user_id = ${USER_ID}) AS restrictions`;

interface UserRow {
  localpart: string;
  server_name: string;
  account_type: number;
  is_deactivated: boolean | null;
  created_ts: string;
  appservice_id: string | null;
  display_name: string | null;
  avatar_url: string | null;
  user_type: UserType | null;
  is_erased: boolean;
  restrictions: readonly string[];
  last_seen_ts: string | null;
}

const userOf = (row: UserRow): User => ({
  userId: userIdOf(row.localpart, row.server_name),
  accountType: row.account_type,
  isDeactivated: row.is_deactivated === true,
  createdAt: Number(row.created_ts),
  appserviceId: row.appservice_id,
  displayName: row.display_name,
  avatarUrl: row.avatar_url,
  userType: row.user_type,
  isErased: row.is_erased,
  isLocked: row.restrictions.includes('locked'),
  isSuspended: row.restrictions.includes('suspended'),
  isShadowBanned: row.restrictions.includes('shadow_banned'),
  lastSeenAt: row.last_seen_ts === null ? null : Number(row.last_seen_ts),
});

/** Finds a user. The localpart must be spelled exactly as in the account. */
export async function findUser(db: Db, userId: UserId): Promise<User | undefined> {
  const { localpart, serverName } = splitUserId(userId);
  const [row] = await rowsOf<UserRow>(
    db.raw(`SELECT ${COLUMNS} FROM public.userapi_accounts a ${DETAILS} WHERE a.localpart = ? AND a.server_name = ?`, [
      localpart,
      serverName,
    ]),
  );
  return row && userOf(row);
}

const MATCHING = `a.server_name = ANY(:serverNames)
  AND (:guests OR a.account_type <> 2)
  AND (:locked OR NOT ${restricted('locked')})
  AND (CAST(:deactivated AS boolean) IS NULL OR coalesce(a.is_deactivated, false) = :deactivated)
  AND (CAST(:admins AS boolean) IS NULL OR (a.account_type = 3) = :admins)
  AND (CAST(:localpart AS text) IS NULL
    OR (a.localpart IN (:localpart, lower(CAST(:localpart AS text))) AND a.server_name = :serverName))
  AND (CAST(:partOfUserId AS text) IS NULL OR strpos(lower(${USER_ID}), lower(CAST(:partOfUserId AS text))) > 0)
  AND (CAST(:partOfName AS text) IS NULL OR strpos(lower(a.localpart), lower(CAST(:partOfName AS text))) > 0
    OR strpos(lower(p.display_name), lower(CAST(:partOfName AS text))) > 0)
  AND (CAST(:notUserTypes AS text[]) IS NULL OR coalesce(x.user_type, '') <> ALL(:notUserTypes))`;

function bindingsOf(filter: UserFilter): Record<string, string | boolean | string[] | null> {
  const whole = filter.userId === undefined ? undefined : splitUserId(filter.userId);
  return {
    serverNames: [...filter.serverNames],
    guests: filter.guests,
    locked: filter.locked,
    deactivated: filter.deactivated ?? null,
    admins: filter.admins ?? null,
    localpart: whole?.localpart ?? null,
    serverName: whole?.serverName ?? null,
    partOfUserId: filter.partOfUserId ?? null,
    partOfName: filter.partOfName ?? null,
    notUserTypes: filter.notUserTypes?.map((type) => type ?? '') ?? null,
  };
}

/** Counts the matching users. Reads all accounts. */
export async function countUsers(db: Db, filter: UserFilter): Promise<number> {
  const [row] = await rowsOf<{ total: number }>(
    db.raw(
      `SELECT count(*)::int AS total FROM public.userapi_accounts a ${DETAILS} WHERE ${MATCHING}`,
      bindingsOf(filter),
    ),
  );
  return row?.total ?? 0;
}

/**
 * SQL of the sort keys. Users with equal keys are in ascending order of their names. A missing value counts as the greatest.
 */
const SORT_KEYS = {
  displayname: `nullif(p.display_name, '') COLLATE "C"`,
  avatar_url: `nullif(p.avatar_url, '') COLLATE "C"`,
  is_guest: '(a.account_type = 2)',
  admin: '(a.account_type = 3)',
  deactivated: '(a.is_deactivated IS TRUE)',
  user_type: 'x.user_type',
  creation_ts: 'a.created_ts',
  last_seen_ts: 'seen.last_seen_ts',
  locked: restricted('locked'),
  shadow_banned: restricted('shadow_banned'),
} as const;
export type UserSortKey = keyof typeof SORT_KEYS;
export const USER_SORT_KEYS = Object.keys(SORT_KEYS) as readonly UserSortKey[];

export interface UserPage {
  /** The sort key. @defaultValue none: users are sorted by name only, so that every page costs the same */
  readonly sortBy?: UserSortKey | undefined;
  readonly descending: boolean;
  /** Only users who come after this user in the order of names. @defaultValue all users */
  readonly after?: { readonly localpart: string; readonly serverName: string } | undefined;
  /** Number of users to skip. */
  readonly offset: number;
  readonly limit: number;
}

/** Reads the given users, in the given order. Leaves out users without an account. */
export async function readUsersAt(
  db: Db,
  places: readonly { readonly localpart: string; readonly serverName: string }[],
): Promise<User[]> {
  const rows = await rowsOf<UserRow>(
    db.raw(
      `SELECT ${COLUMNS} FROM unnest(CAST(? AS text[]), CAST(? AS text[])) WITH ORDINALITY AS w(localpart, server_name, n)
       JOIN public.userapi_accounts a ON a.localpart = w.localpart AND a.server_name = w.server_name ${DETAILS}
       ORDER BY w.n`,
      [places.map(({ localpart }) => localpart), places.map(({ serverName }) => serverName)],
    ),
  );
  return rows.map(userOf);
}

/**
 * Reads a page of users. The order of names is that of Dendrite's index: localpart, then server name, in the database's
 * collation.
 */
export async function readUsers(
  db: Db,
  filter: UserFilter,
  { sortBy, descending, after, offset, limit }: UserPage,
): Promise<User[]> {
  const [beyond, direction] = descending ? ['<', 'DESC'] : ['>', 'ASC'];
  const order =
    sortBy === undefined
      ? `m.localpart ${direction}, m.server_name ${direction}`
      : `m.sort_key ${direction}, m.localpart, m.server_name`;
  const beyondLast =
    after === undefined ? '' : `AND (a.localpart, a.server_name) ${beyond} (:afterLocalpart, :afterServerName)`;
  // PostgreSQL expects that a search matches a third of all users. So it would read the users in order until the page is full.
  // `MATERIALIZED` makes PostgreSQL find the matching users first.
  const isSearch = filter.partOfName !== undefined || filter.partOfUserId !== undefined;
  // The details are read only for the users of the page.
  const rows = await rowsOf<UserRow>(
    db.raw(
      `WITH matching AS ${isSearch ? 'MATERIALIZED' : 'NOT MATERIALIZED'} (
         SELECT a.localpart, a.server_name, ${sortBy === undefined ? 'NULL' : SORT_KEYS[sortBy]} AS sort_key
         FROM public.userapi_accounts a ${DETAILS} ${SEEN} WHERE ${MATCHING} ${beyondLast}
       )
       SELECT ${COLUMNS} FROM (SELECT * FROM matching m ORDER BY ${order} OFFSET :offset LIMIT :limit) AS m
       JOIN public.userapi_accounts a ON a.localpart = m.localpart AND a.server_name = m.server_name ${DETAILS}
       ORDER BY ${order}`,
      {
        ...bindingsOf(filter),
        afterLocalpart: after?.localpart ?? '',
        afterServerName: after?.serverName ?? '',
        offset,
        limit,
      },
    ),
  );
  return rows.map(userOf);
}
