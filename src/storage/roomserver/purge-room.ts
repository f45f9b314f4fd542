import type { Knex } from 'knex';
import { deleteRows, type RowCounts } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/** Makes a room one that is known by its id only. */
export async function emptyRoomRow(transaction: Knex.Transaction, { roomNid }: RoomKeys): Promise<void> {
  await transaction.raw(
    `UPDATE public.roomserver_rooms SET latest_event_nids = '{}', last_event_sent_nid = 0, state_snapshot_nid = 0
     WHERE room_nid = ?`,
    [roomNid],
  );
}

/**
 * Deletes the row itself. The dictionaries of event types and state keys stay as they are, though a room id is a state key
 * of `m.space.child`: homeservers keep their NIDs in memory.
 */
export function deleteRoomRow(transaction: Knex.Transaction, { roomNid }: RoomKeys): Promise<RowCounts> {
  return deleteRows(transaction, 'public.roomserver_rooms', 'room_nid = :roomNid', { roomNid });
}
