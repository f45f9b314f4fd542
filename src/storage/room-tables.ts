import type { Knex } from 'knex';
import type { RoomId } from '../ids.ts';
import { addCounts, type Deletion, deleteRows, type RowCounts } from './deletion.ts';

/** A room as its rows name it. */
export interface RoomKeys {
  readonly roomId: RoomId;
  readonly roomNid: number;
}

/** What readers find a room by: its members, its state, its aliases. A room without these is not seen. */
const SEEN_BY_ROOM_ID = [
  'public.roomserver_published',
  'public.syncapi_current_room_state',
  'public.syncapi_memberships',
  'public.syncapi_invite_events',
  'public.syncapi_peeks',
  'public.federationsender_joined_hosts',
  'public.federationsender_inbound_peeks',
  'public.federationsender_outbound_peeks',
] as const;
const SEEN_BY_ROOM_NID = [
  'public.roomserver_membership',
  'public.roomserver_invites',
  'public.roomserver_reported_events',
  'public.roomserver_user_room_keys',
] as const;

/** Tables with many rows of a room, and an index that begins with the room id. */
const LARGE = ['public.syncapi_relations', 'public.syncapi_receipts'] as const;

/** The rest; clients or servers may add to these after the room has gone. */
const SMALL = ['public.syncapi_notification_data'] as const;

const byRoomId = (transaction: Knex.Transaction, table: string, { roomId }: RoomKeys): Promise<RowCounts> =>
  deleteRows(transaction, table, 'room_id = :roomId', { roomId });

async function inTurn(steps: readonly (() => Promise<RowCounts>)[]): Promise<RowCounts> {
  let counts: RowCounts = {};
  for (const step of steps) counts = addCounts(counts, await step());
  return counts;
}

/** Deletes what readers find a room by. */
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

/** Deletes what is left in tables that have little of a room, or have been walked through: hosts may have added to them. */
export async function deleteLateRows(transaction: Knex.Transaction, room: RoomKeys): Promise<RowCounts> {
  return inTurn([...SMALL, ...LARGE].map((table) => () => byRoomId(transaction, table, room)));
}

/** A step through the tables that have many rows of a room: at most `limit` of each. */
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
