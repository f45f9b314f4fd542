import type { Knex } from 'knex';
import { deleteRows, type RowCounts } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/** Empties a room's row: only its id is known afterwards. */
export async function emptyRoomRow(transaction: Knex.Transaction, { roomNid }: RoomKeys): Promise<void> {
  await transaction.raw(
    `UPDATE public.roomserver_rooms SET latest_event_nids = '{}', last_event_sent_nid = 0, state_snapshot_nid = 0
     WHERE room_nid = ?`,
    [roomNid],
  );
}

/**
 * Deletes the row of a room. The tables of event types and state keys stay as they are, because homeservers cache their NIDs
 * in memory. The room id may remain there as a state key of `m.space.child`.
 */
export function deleteRoomRow(transaction: Knex.Transaction, { roomNid }: RoomKeys): Promise<RowCounts> {
  return deleteRows(transaction, 'public.roomserver_rooms', 'room_nid = :roomNid', { roomNid });
}
