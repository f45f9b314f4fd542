import type { Knex } from 'knex';
import { type Deletion, deleteRows, nextKeyRange, type Position } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/**
 * Deletes those notifications of a room's events whose ids are in the next range. The range starts at the first existing id
 * after the position, and covers `width` values, whether or not rows with these ids exist.
 */
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
