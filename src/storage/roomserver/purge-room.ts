import type { Knex } from 'knex';
import { deleteRows, type RowCounts } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/** Empties a room's row. Afterwards, the homeserver knows only the room's id. */
export async function emptyRoomRow(transaction: Knex.Transaction, { roomNid }: RoomKeys): Promise<void> {
  await transaction.raw(
    `UPDATE public.roomserver_rooms SET latest_event_nids = '{}', last_event_sent_nid = 0, state_snapshot_nid = 0
     WHERE room_nid = ?`,
    [roomNid],
  );
}

/**
 * Deletes the row of a room. The rows of event types and state keys are kept, because homeservers cache the NIDs of these rows in
 * memory. A NID is the number that Dendrite gives such a row. So the room id may remain as a state key of an `m.space.child` event.
 */
export function deleteRoomRow(transaction: Knex.Transaction, { roomNid }: RoomKeys): Promise<RowCounts> {
  return deleteRows(transaction, 'public.roomserver_rooms', 'room_nid = :roomNid', { roomNid });
}
