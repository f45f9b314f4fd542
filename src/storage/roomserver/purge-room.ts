import type { Knex } from 'knex';
import { deleteRows, type RowCounts } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/**
 * Changes a room's row in `roomserver_rooms` to that of a room without events and state. The row keeps the room's id and
 * version.
 */
export async function emptyRoomRow(transaction: Knex.Transaction, { roomNid }: RoomKeys): Promise<void> {
  await transaction.raw(
    `UPDATE public.roomserver_rooms SET latest_event_nids = '{}', last_event_sent_nid = 0, state_snapshot_nid = 0
     WHERE room_nid = ?`,
    [roomNid],
  );
}

/**
 * Deletes the row of a room in `roomserver_rooms`. The tables of event types and state keys, which all rooms share, stay
 * unchanged, because running homeservers cache the rows of these tables in memory. So the room id may stay stored as the state
 * key of an `m.space.child` event.
 */
export function deleteRoomRow(transaction: Knex.Transaction, { roomNid }: RoomKeys): Promise<RowCounts> {
  return deleteRows(transaction, 'public.roomserver_rooms', 'room_nid = :roomNid', { roomNid });
}
