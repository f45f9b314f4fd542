import type { Knex } from 'knex';
import type { EventId, RoomId, UserId } from '../../index.ts';

export interface Receipt {
  readonly roomId: RoomId;
  readonly userId: UserId;
  readonly type: string;
  readonly eventId: EventId;
}

/** Stores a user's last receipt of a type in a room. The row gets a new id, so `/sync` shows the receipt. */
export async function upsertReceipt(db: Knex, { roomId, userId, type, eventId }: Receipt): Promise<void> {
  await db('public.syncapi_receipts')
    .insert({ room_id: roomId, receipt_type: type, user_id: userId, event_id: eventId, receipt_ts: Date.now() })
    .onConflict(['room_id', 'receipt_type', 'user_id'])
    .merge(['id', 'event_id', 'receipt_ts']);
}
