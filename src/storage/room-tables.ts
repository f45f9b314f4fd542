import type { Knex } from 'knex';
import type { RoomId } from '../ids.ts';
import { addCounts, type Deletion, deleteRows, type RowCounts } from './deletion.ts';

/** The keys of a room in Dendrite's tables: its id, and its NID, which is the number that Dendrite gives the room. */
export interface RoomKeys {
  readonly roomId: RoomId;
  readonly roomNid: number;
}

/**
 * Tables whose rows make a room visible to users or administrators, for example its members, its current state and reports
 * about it. If a room has no rows in the tables of the next two lists, and no aliases, nobody sees the room any more. The first
 * list has the tables with a room id, and the second list has those with a room NID. (`history_leftovers` makes nothing
 * visible: it is the list of what a purge of the room's history still has to delete.)
 */
const SEEN_BY_ROOM_ID = [
  'public.roomserver_published',
  'public.syncapi_current_room_state',
  'public.syncapi_memberships',
  'public.syncapi_invite_events',
  'public.syncapi_peeks',
  'public.federationsender_joined_hosts',
  'public.federationsender_inbound_peeks',
  'public.federationsender_outbound_peeks',
  'matrix_admin.reports',
] as const;
const SEEN_BY_ROOM_NID = [
  'public.roomserver_membership',
  'public.roomserver_invites',
  'public.roomserver_reported_events',
  'public.roomserver_user_room_keys',
  'matrix_admin.history_leftovers',
] as const;

/** Tables that may have many rows for one room. Each has an index that begins with the room id. */
const LARGE = ['public.syncapi_relations', 'public.syncapi_receipts'] as const;

/** Tables that have few rows for one room. The running homeserver may add rows to these tables while the room is purged. */
const SMALL = ['public.syncapi_notification_data'] as const;

const byRoomId = (transaction: Knex.Transaction, table: string, { roomId }: RoomKeys): Promise<RowCounts> =>
  deleteRows(transaction, table, 'room_id = :roomId', { roomId });

async function inTurn(steps: readonly (() => Promise<RowCounts>)[]): Promise<RowCounts> {
  let counts: RowCounts = {};
  for (const step of steps) counts = addCounts(counts, await step());
  return counts;
}

/**
 * Deletes a room's aliases, and its rows in the `SEEN_BY_ROOM_ID` and `SEEN_BY_ROOM_NID` tables. With `keepAliases`, the
 * aliases stay.
 */
export async function deleteSeenRows(
  transaction: Knex.Transaction,
  room: RoomKeys,
  { keepAliases }: { readonly keepAliases: boolean },
): Promise<RowCounts> {
  const aliases = keepAliases ? [] : ['public.roomserver_room_aliases'];
  return inTurn([
    ...[...aliases, ...SEEN_BY_ROOM_ID].map((table) => () => byRoomId(transaction, table, room)),
    ...SEEN_BY_ROOM_NID.map(
      (table) => () => deleteRows(transaction, table, 'room_nid = CAST(:roomNid AS bigint)', { roomNid: room.roomNid }),
    ),
  ]);
}

/**
 * Deletes the rows of a room in the `SMALL` and `LARGE` tables, including rows that the running homeserver has added since
 * `deleteLargeRows()`.
 */
export async function deleteLateRows(transaction: Knex.Transaction, room: RoomKeys): Promise<RowCounts> {
  return inTurn([...SMALL, ...LARGE].map((table) => () => byRoomId(transaction, table, room)));
}

/**
 * Deletes at most `limit` rows of a room from each of the `LARGE` tables.
 * @returns in `deleted`, the number of deleted rows of each table; in `next`, an empty position if a table may have more rows
 * of the room, and otherwise `undefined`
 */
export async function deleteLargeRows(transaction: Knex.Transaction, room: RoomKeys, limit: number): Promise<Deletion> {
  const deleted = await inTurn(
    LARGE.map(
      (table) => () =>
        deleteRows(
          transaction,
          table,
          `ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE room_id = :roomId LIMIT :limit))`,
          { roomId: room.roomId, limit },
        ),
    ),
  );
  return { deleted, next: Object.values(deleted).some((count) => count >= limit) ? [] : undefined };
}
