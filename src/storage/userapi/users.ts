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
  /**
   * Time of the last request from any of the user's existing devices. `null` if there are no such devices. Devices that
   * administrators created by logging in as the user do not count.
   */
  readonly lastSeenAt: number | null;
}

/** Conditions on users. A user matches if all conditions are met. A condition that is `undefined` is met by all users. */
export interface UserFilter {
  /** Only users whose server name is one of these. */
  readonly serverNames: readonly string[];
  /** Whether guests may match. */
  readonly guests: boolean;
  /** Whether locked users may match. */
  readonly locked: boolean;
  /** `true` selects deactivated users, `false` active users. */
  readonly deactivated?: boolean | undefined;
  /** `true` selects administrators, `false` all other users. */
  readonly admins?: boolean | undefined;
  /** A whole user id. If its localpart has upper-case letters, the user with the lower-case localpart matches too. */
  readonly userId?: UserId | undefined;
  /** A part of a user id. Case is ignored. */
  readonly partOfUserId?: string | undefined;
  /** A part of a localpart or of a display name. Case is ignored. */
  readonly partOfName?: string | undefined;
  /** Users of these types do not match. `null` stands for users without a type, who are people. */
  readonly notUserTypes?: readonly (UserType | null)[] | undefined;
}

const USER_ID = `'@' || a.localpart || ':' || a.server_name`;
const LAST_SEEN = `(SELECT max(d.last_seen_ts) FROM public.userapi_devices d
  WHERE d.localpart = a.localpart AND d.server_name = a.server_name AND ${IS_OWN_DEVICE})`;
const restricted = (restriction: string): string => `EXISTS (SELECT FROM matrix_admin.account_restrictions r
  WHERE r.restriction = '${restriction}' AND r.user_id = ${USER_ID})`;

/**
 * SQL joins for the profile and the attributes of the account `a`. If a query does not use the columns of a join, PostgreSQL
 * leaves the join out.
 */
const DETAILS = `LEFT JOIN public.userapi_profiles p ON p.localpart = a.localpart AND p.server_name = a.server_name
  LEFT JOIN matrix_admin.account_attributes x ON x.user_id = ${USER_ID}`;

/**
 * SQL join for sorting users by the time of their last request. Sorting needs this time for every user. So the join, which
 * reads all devices once, is faster than one lookup for each user.
 */
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

/** Counts the matching users. The query reads all accounts. */
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
 * SQL of the sort keys of `readUsers()`. Users with equal keys are in ascending order of localpart and server name. A missing
 * value counts as greater than all others.
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
  /** The sort key. @defaultValue none: users are sorted only by localpart and server name. Dendrite's index has this order. */
  readonly sortBy?: UserSortKey | undefined;
  readonly descending: boolean;
  /**
   * Only users who come after this user in the order of localpart and server name. If `descending` is `true`, only users who
   * come before this user. @defaultValue all users
   */
  readonly after?: { readonly localpart: string; readonly serverName: string } | undefined;
  /** Number of users to skip. */
  readonly offset: number;
  readonly limit: number;
}

/** Reads the given users, in the order of `places`. Leaves out users without an account. */
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
 * Reads a page of the matching users. Localparts and server names are in the order of the database's collation, as in
 * Dendrite's index.
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
  // PostgreSQL expects that a search by a part of a name matches a third of all users, and would therefore read users in order
  // until the page is full. `MATERIALIZED` makes PostgreSQL find the matching users first.
  const isSearch = filter.partOfName !== undefined || filter.partOfUserId !== undefined;
  // The outer query reads the other columns, so it reads them only for the users of the page.
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
