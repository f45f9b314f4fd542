import { isRoomId, type RoomId, type ServerName } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { readableJson } from '../readable-json.ts';
import { HAS_LOCAL_USERS, IS_LOCAL } from './local-members.ts';

/**
 * SQL condition: the homeserver has events of the room `r`, and the room is not being purged. Lists of rooms leave out all
 * other rooms.
 */
export const IS_SHOWN = `r.latest_event_nids <> '{}'
  AND NOT EXISTS (SELECT FROM matrix_admin.purges p WHERE p.room_id = r.room_id)`;

/**
 * When a list of rooms is sorted by a name or another text, only this many characters of the text count. PostgreSQL cannot
 * index texts of any length.
 */
export const SORTED_LENGTH = 255;

/** Returns SQL for a text in the content of a state event. The SQL gives NULL if there is no such text, or if it is empty. */
const textOf = (state: string, key: string): string =>
  `nullif(CAST(${readableJson(`${state}.headered_event_json`)} AS json) #>> '{content,${key}}', '')`;

const joinState = (alias: string, type: string): string => `LEFT JOIN public.syncapi_current_room_state ${alias}
  ON ${alias}.room_id = r.room_id AND ${alias}.type = '${type}' AND ${alias}.state_key = ''`;

interface Order {
  /** SQL of the sort key. */
  readonly key: string;
  readonly join?: string;
  /** Whether the order is descending when the caller does not reverse it. @defaultValue false */
  readonly isDescending?: boolean;
}

const byText = (type: string, key: string): Order => ({
  key: `left(${textOf('o', key)}, ${SORTED_LENGTH}) COLLATE "C"`,
  join: joinState('o', type),
});

const byCount = (query: string, on: string): Order => ({
  key: 'coalesce(o.count, 0)',
  join: `LEFT JOIN (${query}) o ON ${on}`,
  isDescending: true,
});

const JOINED = 'SELECT m.room_nid, count(*) AS count FROM public.roomserver_membership m';

const byName = byText('m.room.name', 'name');
const byMembers = byCount(`${JOINED} WHERE m.membership_nid = 3 GROUP BY 1`, 'o.room_nid = r.room_nid');

/** SQL condition: room `r` is in the room directory. */
export const IS_PUBLIC =
  'EXISTS (SELECT FROM public.roomserver_published p WHERE p.room_id = r.room_id AND p.published)';

/**
 * The orders of the room list in Synapse's admin API, with the directions that Synapse uses. `alphabetical` is another name for
 * `name`, and `size` another name for `joined_members`.
 */
const ORDERS = {
  alphabetical: byName,
  size: byMembers,
  name: byName,
  canonical_alias: byText('m.room.canonical_alias', 'alias'),
  joined_members: byMembers,
  joined_local_members: byCount(
    `${JOINED} JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
     WHERE m.membership_nid = 3 AND ${IS_LOCAL} GROUP BY 1`,
    'o.room_nid = r.room_nid',
  ),
  version: { key: 'r.room_version COLLATE "C"', isDescending: true },
  creator: { key: 'o.sender COLLATE "C"', join: joinState('o', 'm.room.create') },
  encryption: byText('m.room.encryption', 'algorithm'),
  federatable: {
    key: `coalesce(${textOf('o', 'm.federate')}, 'true') <> 'false'`,
    join: joinState('o', 'm.room.create'),
  },
  public: { key: IS_PUBLIC },
  join_rules: byText('m.room.join_rules', 'join_rule'),
  guest_access: byText('m.room.guest_access', 'guest_access'),
  history_visibility: byText('m.room.history_visibility', 'history_visibility'),
  state_events: byCount(
    'SELECT s.room_id, count(*) AS count FROM public.syncapi_current_room_state s GROUP BY 1',
    'o.room_id = r.room_id',
  ),
} as const satisfies Record<string, Order>;

export type RoomOrder = keyof typeof ORDERS;
/** Whether an order is descending when the caller does not reverse it. */
export function isDescendingOrder(order: RoomOrder): boolean {
  const { isDescending = false }: Order = ORDERS[order];
  return isDescending;
}
export const ROOM_ORDERS = Object.keys(ORDERS) as [RoomOrder, ...RoomOrder[]];

export interface RoomFilter {
  /**
   * A room matches if the term is its room id, if the term is its canonical alias, or if its name or the localpart of its
   * canonical alias contains the term. Only the comparison of room ids distinguishes upper and lower case. A term in the form
   * of a room id is compared only with room ids.
   */
  readonly searchTerm?: string | undefined;
  /** `true` selects rooms in the homeserver's room directory, `false` the other rooms, `undefined` all rooms. */
  readonly isPublic?: boolean | undefined;
  /**
   * `true` selects rooms that no local user has joined, is invited to or is knocking at. `false` selects the other rooms, and
   * `undefined` all rooms.
   */
  readonly isEmpty?: boolean | undefined;
}

export interface RoomPage {
  readonly orderBy: RoomOrder;
  /** Whether to reverse the direction of `orderBy`. The direction before the reversal is what `isDescendingOrder()` returns. */
  readonly isReversed: boolean;
  readonly offset: number;
  readonly limit: number;
}

const SEARCHED = `${joinState('sn', 'm.room.name')} ${joinState('sa', 'm.room.canonical_alias')}`;
const IS_FOUND = `(lower(${textOf('sa', 'alias')}) = lower(:searchTerm)
  OR strpos(lower(${textOf('sn', 'name')}), lower(:searchTerm)) > 0
  OR strpos(lower(split_part(${textOf('sa', 'alias')}, ':', 1)), lower(:searchTerm)) > 0)`;

/**
 * Reads a page of the list of rooms that match a filter, and counts all matching rooms. Leaves out rooms of which the
 * homeserver has no events, and rooms that are being purged. Rooms without a value for the sort key come last, or first if the
 * order is reversed.
 */
export async function readRoomPage(
  db: Db,
  { searchTerm, isPublic, isEmpty }: RoomFilter,
  { orderBy, isReversed, offset, limit }: RoomPage,
  localServerNames: readonly ServerName[],
): Promise<{ roomIds: RoomId[]; total: number }> {
  const { key, join = '', isDescending = false }: Order = ORDERS[orderBy];
  const direction = isDescending === isReversed ? 'ASC' : 'DESC';
  const nulls = isReversed ? 'FIRST' : 'LAST';
  // If the search term has the form of a room id, the query compares it with room ids only, and does not read names and
  // aliases.
  const isText = searchTerm !== undefined && !isRoomId(searchTerm);
  const conditions = [
    IS_SHOWN,
    ...(searchTerm === undefined ? [] : [isText ? IS_FOUND : 'r.room_id = :searchTerm']),
    ...(isPublic === undefined ? [] : [`${isPublic ? '' : 'NOT '}${IS_PUBLIC}`]),
    ...(isEmpty === undefined ? [] : [`${isEmpty ? 'NOT ' : ''}${HAS_LOCAL_USERS}`]),
  ];
  const rows = await rowsOf<{ total: number; room_id: RoomId | null }>(
    db.raw(
      `WITH matching AS (
         SELECT r.room_id, ${key} AS key FROM public.roomserver_rooms r ${join}
         ${isText ? SEARCHED : ''} WHERE ${conditions.join(' AND ')})
       SELECT (SELECT count(*)::int FROM matching) AS total, page.room_id
       FROM (SELECT) AS one LEFT JOIN (
         SELECT room_id, row_number() OVER (ORDER BY key ${direction} NULLS ${nulls}, room_id COLLATE "C" ${direction}) AS n
         FROM matching ORDER BY n OFFSET :offset LIMIT :limit) AS page ON true
       ORDER BY page.n`,
      { searchTerm: searchTerm ?? null, offset, limit, localServerNames: [...localServerNames] },
    ),
  );
  return { roomIds: rows.flatMap((row) => row.room_id ?? []), total: rows[0]?.total ?? 0 };
}
