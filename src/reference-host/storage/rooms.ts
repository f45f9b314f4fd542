import type { Knex } from 'knex';
import type { EventId, RoomId, UserId } from '../../index.ts';
import type { Device } from './devices.ts';

/** Lists the rooms that a user has joined. */
export async function joinedRooms(db: Knex, userId: UserId): Promise<RoomId[]> {
  return db('public.syncapi_current_room_state')
    .where({ type: 'm.room.member', state_key: userId, membership: 'join' })
    .pluck('room_id');
}

/** An event that a device has sent. */
export interface SentEvent {
  readonly eventId: EventId;
  readonly event: Readonly<Record<string, unknown>>;
}

/**
 * Finds the event of this type that this login of the user has already sent to the room with the same transaction id. Returns
 * `undefined` if there is none.
 */
export async function findSentEvent(
  transaction: Knex.Transaction,
  roomId: RoomId,
  { sessionId, userId }: Device,
  type: string,
  transactionId: string,
): Promise<SentEvent | undefined> {
  const row = await transaction('public.syncapi_output_room_events')
    .where({ room_id: roomId, sender: userId, type, session_id: sessionId, transaction_id: transactionId })
    .first('event_id', 'headered_event_json');
  return row && { eventId: row.event_id, event: JSON.parse(row.headered_event_json) };
}
