import { splitUserId, type UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { IS_OWN_DEVICE } from './admin-logins.ts';
import type { SummaryIndex } from './summary-indexes.ts';
import type { Compared, UserPlace } from './summary-states.ts';
import type { TrigramIndex } from './trigrams.ts';

/**
 * The value of `last_seen_ts` in the summary of a user none of whose devices was ever seen. Devices that administrators created
 * by logging in as the user do not count. A summary is a row of `matrix_admin.user_summaries`, from which the plugin reads
 * lists of users. The value is the greatest `bigint`, because such users must come after all other users in ascending order.
 */
const NEVER_SEEN = '9223372036854775807';

/** The index for searches by name. A database without the extension `pg_trgm` does not have this index. */
export const USER_SEARCH_INDEX: TrigramIndex = {
  name: 'user_summaries_search',
  table: 'user_summaries',
  columns: ['search_text'],
};

/**
 * The name and the sort key of each index. An ascending and a descending order need different indexes, because users with equal
 * keys must be in ascending order of their names in both orders.
 */
const ORDERS = {
  user_summaries_created: 'created_ts',
  user_summaries_created_desc: '(-created_ts)',
  user_summaries_seen: 'last_seen_ts',
  user_summaries_seen_desc: '(-last_seen_ts)',
};

/**
 * Indexes for lists of users that are sorted by one of these keys. The indexes include the columns that filters read, so that
 * PostgreSQL can skip many users without reading the table.
 */
export const USER_ORDER_INDEXES: readonly SummaryIndex[] = Object.entries(ORDERS).map(([name, key]) => ({
  name,
  table: 'user_summaries',
  definition: `(${key}, localpart, server_name) INCLUDE (account_type, is_deactivated, is_locked, user_type)`,
}));

const KEY = ['localpart', 'server_name'];
const VALUES = [
  'account_type',
  'is_deactivated',
  'is_locked',
  'user_type',
  'created_ts',
  'last_seen_ts',
  'search_text',
];
const COLUMNS = [...KEY, ...VALUES];

/**
 * Returns SQL that computes the summaries of accounts anew: from accounts, profiles, devices, restrictions and user types, and
 * not from the stored summaries.
 * @param condition SQL condition on the row `a` of an account
 */
const rightSummaries = (condition: string): string => `
  SELECT a.localpart, a.server_name, a.account_type, a.is_deactivated IS TRUE AS is_deactivated,
    EXISTS (SELECT FROM matrix_admin.account_restrictions r
      WHERE r.user_id = '@' || a.localpart || ':' || a.server_name AND r.restriction = 'locked') AS is_locked,
    coalesce((SELECT x.user_type FROM matrix_admin.account_attributes x
      WHERE x.user_id = '@' || a.localpart || ':' || a.server_name), '') AS user_type,
    a.created_ts,
    coalesce((SELECT max(d.last_seen_ts) FROM public.userapi_devices d
      WHERE d.localpart = a.localpart AND d.server_name = a.server_name AND ${IS_OWN_DEVICE}), ${NEVER_SEEN}) AS last_seen_ts,
    lower(a.localpart) || E'\\n' || lower(coalesce(p.display_name, '')) AS search_text
  FROM public.userapi_accounts a
  LEFT JOIN public.userapi_profiles p ON p.localpart = a.localpart AND p.server_name = a.server_name
  WHERE ${condition}`;

/** Returns an SQL condition: the stored summary `s` differs from the computed summary in `row`. */
const differsFrom = (row: string): string => `(${VALUES.map((column) => `s.${column}`).join(', ')})
  IS DISTINCT FROM (${VALUES.map((column) => `${row}.${column}`).join(', ')})`;

/**
 * Returns SQL that stores computed summaries. If the same transaction has already stored an equal summary, the stored summary
 * stays. If another transaction has stored an equal summary, the SQL still writes the summary, so that a `CORRECTION` that has
 * read the row before does not overwrite it.
 * @param summaries SQL for the rows to store
 */
const store = (summaries: string): string => `
  INSERT INTO matrix_admin.user_summaries AS s (${COLUMNS.join(', ')})
  SELECT ${COLUMNS.join(', ')} FROM ${summaries} ORDER BY localpart, server_name
  ON CONFLICT (localpart, server_name)
  DO UPDATE SET ${VALUES.map((column) => `${column} = excluded.${column}`).join(', ')}
  WHERE s.xmin <> pg_current_xact_id()::xid OR ${differsFrom('excluded')}`;

/**
 * Computes and stores the summary of an account. Whoever changes an account, its profile, its devices, its restrictions or its
 * user type must call this function afterwards in the same transaction.
 */
export async function summariseUser(db: Db, userId: UserId): Promise<void> {
  await db.raw(store(`(${rightSummaries('a.localpart = :localpart AND a.server_name = :serverName')}) AS summary`), {
    ...splitUserId(userId),
  });
}

/**
 * Finds the last of the `limit` accounts after `after`. Returns `undefined` if fewer than `limit` accounts come after `after`.
 */
async function findLast(db: Db, after: UserPlace | undefined, limit: number): Promise<UserPlace | undefined> {
  const [row] = await rowsOf<UserPlace>(
    db.raw(
      `SELECT a.localpart, a.server_name AS "serverName" FROM public.userapi_accounts a WHERE ${rangeOf('a', after, undefined)}
       ORDER BY a.localpart, a.server_name OFFSET :limit LIMIT 1`,
      { limit: limit - 1, ...bindingsOf(after, undefined) },
    ),
  );
  return row;
}

/**
 * Returns an SQL condition: a row comes after the account `after`, and not after the account `last`. If one of the two is
 * `undefined`, there is no limit on this side. The condition compares pairs of localpart and server name, and also the
 * localparts alone, because PostgreSQL's planner can estimate the number of rows only from a comparison of single columns.
 */
const rangeOf = (row: string, after: UserPlace | undefined, last: UserPlace | undefined): string =>
  [
    'true',
    ...(after === undefined
      ? []
      : [`${row}.localpart >= :afterName AND (${row}.localpart, ${row}.server_name) > (:afterName, :afterServer)`]),
    ...(last === undefined
      ? []
      : [`${row}.localpart <= :lastName AND (${row}.localpart, ${row}.server_name) <= (:lastName, :lastServer)`]),
  ].join(' AND ');

const bindingsOf = (after: UserPlace | undefined, last: UserPlace | undefined): Record<string, string> => ({
  afterName: after?.localpart ?? '',
  afterServer: after?.serverName ?? '',
  lastName: last?.localpart ?? '',
  lastServer: last?.serverName ?? '',
});

/**
 * SQL that corrects the stored summaries: it inserts missing ones, updates wrong ones and deletes superfluous ones. If another
 * transaction has changed a stored summary since this statement read it, the statement does not update this summary, because
 * the other transaction's summary is newer.
 */
const CORRECTION = `,
  inserted AS (INSERT INTO matrix_admin.user_summaries (${COLUMNS.join(', ')})
    SELECT ${COLUMNS.join(', ')} FROM wrong WHERE version IS NULL ORDER BY localpart, server_name ON CONFLICT DO NOTHING),
  updated AS (UPDATE matrix_admin.user_summaries s SET ${VALUES.map((column) => `${column} = w.${column}`).join(', ')}
    FROM wrong w WHERE w.version IS NOT NULL AND s.localpart = w.localpart AND s.server_name = w.server_name AND s.xmin = w.version),
  removed AS (DELETE FROM matrix_admin.user_summaries s USING superfluous x
    WHERE s.localpart = x.localpart AND s.server_name = x.server_name)`;

/**
 * Computes the summaries of a batch of accounts, and compares them with the stored summaries. The accounts are in the order of
 * their localparts and server names.
 * @param batch `after`: the last account in the previous batch, `undefined` for the first batch. `limit`: maximum number of
 * accounts in the batch. `corrects`: whether to correct the stored summaries
 */
export async function compareUserSummaries(
  db: Db,
  {
    after,
    limit,
    corrects,
  }: { readonly after: UserPlace | undefined; readonly limit: number; readonly corrects: boolean },
): Promise<Compared<UserPlace>> {
  const last = await findLast(db, after, limit);
  const [row] = await rowsOf<{ compared: number; wrong: number }>(
    db.raw(
      `WITH summary AS MATERIALIZED (${rightSummaries(rangeOf('a', after, last))}),
       old AS MATERIALIZED (SELECT s.*, s.xmin AS version FROM matrix_admin.user_summaries s WHERE ${rangeOf('s', after, last)}),
       wrong AS MATERIALIZED (SELECT u.*, s.version FROM summary u LEFT JOIN old s USING (localpart, server_name)
         WHERE ${differsFrom('u')}),
       superfluous AS MATERIALIZED (SELECT s.localpart, s.server_name FROM old s
         LEFT JOIN summary u USING (localpart, server_name) WHERE u.account_type IS NULL)${corrects ? CORRECTION : ''}
       SELECT (SELECT count(*)::int FROM summary) AS compared,
         ((SELECT count(*) FROM wrong) + (SELECT count(*) FROM superfluous))::int AS wrong`,
      bindingsOf(after, last),
    ),
  );
  return { next: last, compared: row?.compared ?? 0, wrong: row?.wrong ?? 0 };
}

/** Counts all accounts in `userapi_accounts`. */
export async function countAccounts(db: Db): Promise<number> {
  const [row] = await rowsOf<{ accounts: number }>(
    db.raw('SELECT count(*)::int AS accounts FROM public.userapi_accounts'),
  );
  return row?.accounts ?? 0;
}
