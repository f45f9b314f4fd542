import { type Db, rowsOf } from '../database.ts';
import type { UserFilter, UserSortKey } from '../userapi/users.ts';
import { patternOf } from './summarised-rooms.ts';
import type { UserPlace } from './summary-states.ts';

/** Number of users between two known places of a list. A page begins at most this many users after a known place. */
export const PLACE_DISTANCE = 1_000;
/** Number of users that a search reads in the order of the list, before it looks for all matching users. */
const READ_IN_ORDER = 5_000;

/** An order of the list that the summaries have an index for. */
export interface SummarisedOrder {
  /** `undefined`: only by name. */
  readonly sortBy: keyof typeof COLUMN_OF | undefined;
  readonly descending: boolean;
}

const COLUMN_OF = { creation_ts: 'created_ts', last_seen_ts: 'last_seen_ts' } as const satisfies Partial<
  Record<UserSortKey, string>
>;

/** The order of a list in the summaries. `undefined`: they do not have its sort key. */
export function summarisedOrder(sortBy: UserSortKey | undefined, descending: boolean): SummarisedOrder | undefined {
  if (sortBy === undefined) return { sortBy, descending };
  return sortBy === 'creation_ts' || sortBy === 'last_seen_ts' ? { sortBy, descending } : undefined;
}

/** Whether the summaries tell which users match. They do not have user ids in lower case. */
export const isSummarisedFilter = ({ userId, partOfUserId, partOfName }: UserFilter): boolean =>
  userId === undefined && partOfUserId === undefined && partOfName?.includes('\n') !== true;

/** A place in an order. The user at the place is the first after it. */
export interface ListPlace extends UserPlace {
  /** The sort key, as the index has it. */
  readonly key: string;
}

/** SQL of the sort key. In a descending order by a key, equal keys stay in ascending order of names. */
const keyOf = ({ sortBy, descending }: SummarisedOrder): string =>
  sortBy === undefined ? '0' : `${descending ? '-' : ''}u.${COLUMN_OF[sortBy]}`;

const placeOf = (order: SummarisedOrder): string =>
  order.sortBy === undefined ? 'u.localpart, u.server_name' : `${keyOf(order)}, u.localpart, u.server_name`;

/** SQL of an order: its columns, all in the same direction, which is that of an index. */
function orderOf(order: SummarisedOrder): string {
  if (order.sortBy !== undefined) return placeOf(order);
  const direction = order.descending ? 'DESC' : 'ASC';
  return `u.localpart ${direction}, u.server_name ${direction}`;
}

/** SQL conditions of a filter, except the search. */
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

const IS_FOUND = 'u.search_text LIKE lower(:pattern)';
const searchOf = ({ partOfName }: UserFilter): string[] => (partOfName === undefined ? [] : [IS_FOUND]);

const bindingsOf = (filter: UserFilter): Record<string, string | string[]> => ({
  serverNames: [...filter.serverNames],
  notUserTypes: filter.notUserTypes?.map((type) => type ?? '') ?? [],
  pattern: patternOf(filter.partOfName ?? ''),
});

const where = (conditions: readonly string[]): string => (conditions.length === 0 ? 'true' : conditions.join(' AND '));

/** Counts the matching users in the summaries. */
export async function countSummarisedUsers(db: Db, filter: UserFilter): Promise<number> {
  const [row] = await rowsOf<{ total: number }>(
    db.raw(
      `SELECT count(*)::int AS total FROM matrix_admin.user_summaries u
       WHERE ${where([...conditionsOf(filter), ...searchOf(filter)])}`,
      bindingsOf(filter),
    ),
  );
  return row?.total ?? 0;
}

/** Reads every `PLACE_DISTANCE`th place of a list, the first one included. Reads all matching users. */
export async function readPlaces(db: Db, filter: UserFilter, order: SummarisedOrder): Promise<ListPlace[]> {
  return rowsOf<ListPlace>(
    db.raw(
      `SELECT key::text AS key, localpart, server_name AS "serverName" FROM (
         SELECT ${keyOf(order)} AS key, u.localpart, u.server_name, row_number() OVER (ORDER BY ${orderOf(order)}) AS n
         FROM matrix_admin.user_summaries u WHERE ${where([...conditionsOf(filter), ...searchOf(filter)])}) AS numbered
       WHERE n % ${PLACE_DISTANCE} = 1 ORDER BY n`,
      bindingsOf(filter),
    ),
  );
}

/** Where a page begins: at a known place, or after a user, or at the first user. */
export interface PageStart {
  readonly at?: ListPlace | undefined;
  readonly after?: UserPlace | undefined;
  /** Number of users to skip from there. */
  readonly offset: number;
}

/** Reads the names of a page of users. The result is the same as that of `readUsers()`, if the summaries are. */
export async function readSummarisedPage(
  db: Db,
  filter: UserFilter,
  order: SummarisedOrder,
  start: PageStart,
  limit: number,
): Promise<UserPlace[]> {
  const { at, after, offset } = start;
  const beyond = order.sortBy === undefined && order.descending ? '<' : '>';
  const key = order.sortBy === undefined ? '' : 'CAST(:key AS bigint), ';
  const begins = [
    ...(at === undefined ? [] : [`(${placeOf(order)}) ${beyond}= (${key}:localpart, :serverName)`]),
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
  const select = 'SELECT u.localpart, u.server_name AS "serverName" FROM';
  const table = 'matrix_admin.user_summaries u WHERE';
  const rest = `ORDER BY ${orderOf(order)} OFFSET :offset LIMIT :limit`;
  if (filter.partOfName === undefined) {
    return rowsOf(db.raw(`${select} ${table} ${where([...begins, ...conditionsOf(filter)])} ${rest}`, bindings));
  }
  // Users who match are often among the next ones.
  const near = await rowsOf<UserPlace>(
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
