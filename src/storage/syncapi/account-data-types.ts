import type { Knex } from 'knex';
import { deleteRows, type RowCounts } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/** Deletes the rows with which `/sync` records that account data of a room has changed. */
export function deleteAccountDataTypes(transaction: Knex.Transaction, { roomId }: RoomKeys): Promise<RowCounts> {
  return deleteRows(transaction, 'public.syncapi_account_data_type', 'room_id = :roomId', { roomId });
}
