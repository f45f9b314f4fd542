import { type Db, rowsOf } from '../database.ts';
import type { UserFilter, UserSortKey } from '../userapi/users.ts';
import { patternOf } from './summarised-rooms.ts';
import type { UserPlace } from './summary-states.ts';

/**
 * A search by name first checks this many users, in the order of the list from the place where the query begins. Only if too
 * few of them match for a page, the search checks all users from that place on.
 */
const READ_IN_ORDER = 5_000;

/**
 * An order of the list of users for which the table `user_summaries` has an index. This table has a summary of each user, with
 * the values by which lists are sorted, filtered and searched.
 */
export interface SummarisedOrder {
  /** The sort key. `undefined` if the list is sorted only by name, which means by localpart and server name. */
  readonly sortBy: keyof typeof COLUMN_OF | undefined;
  readonly descending: boolean;
}

const COLUMN_OF = { creation_ts: 'created_ts', last_seen_ts: 'last_seen_ts' } as const satisfies Partial<
  Record<UserSortKey, string>
>;

/**
 * Returns the given order of the list of users. Returns `undefined` if the table of summaries has no index for the sort key.
 * @param sortBy `undefined` sorts only by name
 */
export function summarisedOrder(sortBy: UserSortKey | undefined, descending: boolean): SummarisedOrder | undefined {
  if (sortBy === undefined) return { sortBy, descending };
  return sortBy === 'creation_ts' || sortBy === 'last_seen_ts' ? { sortBy, descending } : undefined;
}

/**
 * Tells whether the summaries are enough to find the users that match a filter. They are not enough for a filter by user id,
 * because they do not contain user ids in lower case. They are not enough for a part of a name with a line break, because
 * `search_text` has a line break between the localpart and the display name.
 */
export const isSummarisedFilter = ({ userId, partOfUserId, partOfName }: UserFilter): boolean =>
  userId === undefined && partOfUserId === undefined && partOfName?.includes('\n') !== true;

/** A place in a sorted list of users: the sort key and the name of the user at this place. */
export interface ListPlace extends UserPlace {
  /**
   * The value of `keyOf()` for the user: the sort key, or the negative sort key in a descending order. `0` if the list is
   * sorted only by name.
   */
  readonly key: string;
}

/**
 * Returns SQL for the sort key. For a descending order, it is the negative key, by which the list is sorted in ascending order.
 * So users with equal keys are in ascending order of their names in both directions.
 */
const keyOf = ({ sortBy, descending }: SummarisedOrder): string =>
  sortBy === undefined ? '0' : `${descending ? '-' : ''}u.${COLUMN_OF[sortBy]}`;

/** Returns SQL for each column of a place in the list: the sort key, if there is one, and the name. */
const placeOf = (order: SummarisedOrder): string[] => [
  ...(order.sortBy === undefined ? [] : [keyOf(order)]),
  'u.localpart',
  'u.server_name',
];

/**
 * Returns SQL for `ORDER BY`. All columns have the same direction, so PostgreSQL can read the rows from an index in this order,
 * and also in the reverse order.
 */
function orderOf(order: SummarisedOrder, isReversed = false): string {
  const isDescending = isReversed !== (order.sortBy === undefined && order.descending);
  return placeOf(order)
    .map((column) => `${column} ${isDescending ? 'DESC' : 'ASC'}`)
    .join(', ');
}

/** Returns SQL for the columns of `ListPlace`. */
const selectOf = (order: SummarisedOrder): string =>
  `SELECT (${keyOf(order)})::text AS key, u.localpart, u.server_name AS "serverName" FROM`;

/** Returns the SQL conditions of a filter, without the condition for a part of a name, which `searchOf()` returns. */
function conditionsOf(filter: UserFilter): string[] {
  return [
    'u.server_name = ANY(:serverNames)',
    ...(filter.guests ? [] : ['u.account_type <> 2']),
    ...(filter.locked ? [] : ['NOT u.is_locked']),
    ...(filter.deactivated === undefined ? [] : [`${filter.deactivated ? '' : 'NOT '}u.is_deactivated`]),
    ...(filter.admins === undefined ? [] : [`u.account_type ${filter.admins ? '=' : '<>'} 3`]),
    ...(filter.notUserTypes === undefined ? [] : ['u.user_type <> ALL(:notUserTypes)']),
  ];
}

/** SQL condition: the localpart or the display name contains the text, ignoring case. */
const IS_FOUND = 'u.search_text LIKE lower(:pattern)';
const searchOf = ({ partOfName }: UserFilter): string[] => (partOfName === undefined ? [] : [IS_FOUND]);

const bindingsOf = (filter: UserFilter): Record<string, string | string[]> => ({
  serverNames: [...filter.serverNames],
  notUserTypes: filter.notUserTypes?.map((type) => type ?? '') ?? [],
  pattern: patternOf(filter.partOfName ?? ''),
});

const where = (conditions: readonly string[]): string => (conditions.length === 0 ? 'true' : conditions.join(' AND '));

/**
 * Counts the users that match a filter. Without a part of a name, the function adds numbers from the small table `user_counts`,
 * which has the number of users for each combination of the columns that filters read. With a part of a name, PostgreSQL finds
 * the matching summaries.
 */
export async function countSummarisedUsers(db: Db, filter: UserFilter): Promise<number> {
  const counted =
    filter.partOfName === undefined
      ? 'coalesce(sum(u.users), 0)::int AS total FROM matrix_admin.user_counts u'
      : 'count(*)::int AS total FROM matrix_admin.user_summaries u';
  const [row] = await rowsOf<{ total: number }>(
    db.raw(`SELECT ${counted} WHERE ${where([...conditionsOf(filter), ...searchOf(filter)])}`, bindingsOf(filter)),
  );
  return row?.total ?? 0;
}

/**
 * Where a query for a page of users begins. If both `at` and `after` are `undefined`, the query begins with the first user of
 * the list.
 */
export interface PageStart {
  /** The query begins with this user. */
  readonly at?: ListPlace | undefined;
  /** The query begins after this user. Only for lists that are sorted only by name. */
  readonly after?: UserPlace | undefined;
  /** Number of users to skip between the place where the query begins and the first user of the page. */
  readonly offset: number;
}

/**
 * Reads the places of the users on a page from the summaries. If the summaries are correct, these are the users whom
 * `readUsers()` reads from the homeserver's own tables.
 */
export async function readSummarisedPage(
  db: Db,
  filter: UserFilter,
  order: SummarisedOrder,
  start: PageStart,
  limit: number,
): Promise<ListPlace[]> {
  const { at, after, offset } = start;
  const beyond = order.sortBy === undefined && order.descending ? '<' : '>';
  const key = order.sortBy === undefined ? '' : 'CAST(:key AS bigint), ';
  const begins = [
    ...(at === undefined ? [] : [`(${placeOf(order).join(', ')}) ${beyond}= (${key}:localpart, :serverName)`]),
    ...(after === undefined ? [] : [`(u.localpart, u.server_name) ${beyond} (:localpart, :serverName)`]),
  ];
  const place = at ?? after;
  const bindings = {
    ...bindingsOf(filter),
    key: at?.key ?? '',
    localpart: place?.localpart ?? '',
    serverName: place?.serverName ?? '',
    offset,
    limit,
  };
  const select = selectOf(order);
  const table = 'matrix_admin.user_summaries u WHERE';
  const rest = `ORDER BY ${orderOf(order)} OFFSET :offset LIMIT :limit`;
  if (filter.partOfName === undefined) {
    return rowsOf(db.raw(`${select} ${table} ${where([...begins, ...conditionsOf(filter)])} ${rest}`, bindings));
  }
  // First search only among the next `READ_IN_ORDER` users of the list, because enough of them often match for the page.
  const near = await rowsOf<ListPlace>(
    db.raw(
      `WITH near AS MATERIALIZED (SELECT u.* FROM ${table} ${where(begins)} ORDER BY ${orderOf(order)} LIMIT ${READ_IN_ORDER})
       ${select} near u WHERE ${where([...conditionsOf(filter), IS_FOUND])} ${rest}`,
      bindings,
    ),
  );
  if (near.length === limit) return near;
  return rowsOf(
    db.raw(
      `WITH matching AS MATERIALIZED (SELECT u.* FROM ${table} ${where([...begins, ...conditionsOf(filter), IS_FOUND])})
       ${select} matching u ${rest}`,
      bindings,
    ),
  );
}

/**
 * Reads a page from the end of the list, which is quicker than `readSummarisedPage()` if fewer users come after the page than
 * before it. Only for filters without a part of a name.
 * @param skipped number of users of the list that come after the page
 */
export async function readSummarisedPageFromEnd(
  db: Db,
  filter: UserFilter,
  order: SummarisedOrder,
  skipped: number,
  limit: number,
): Promise<ListPlace[]> {
  const rows = await rowsOf<ListPlace>(
    db.raw(
      `${selectOf(order)} matrix_admin.user_summaries u WHERE ${where(conditionsOf(filter))}
       ORDER BY ${orderOf(order, true)} OFFSET :skipped LIMIT :limit`,
      { ...bindingsOf(filter), skipped, limit },
    ),
  );
  return rows.reverse();
}
