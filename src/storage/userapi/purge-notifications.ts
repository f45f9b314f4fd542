import type { Knex } from 'knex';
import { type Deletion, deleteRows, nextKeyRange, type Position } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/** Deletes the notifications of a room's events in one range of `width` notification ids. */
export async function deleteNotifications(
  transaction: Knex.Transaction,
  { roomId }: RoomKeys,
  position: Position,
  width: number,
): Promise<Deletion> {
  const table = 'public.userapi_notifications';
  const { after, upTo, next } = await nextKeyRange(transaction, { table, key: 'id' }, position, width);
  const condition = 'id > :after AND id <= :upTo AND room_id = :roomId';
  return { deleted: await deleteRows(transaction, table, condition, { after, upTo, roomId }), next };
}
