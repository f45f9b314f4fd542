import type { Knex } from 'knex';
import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/**
 * Whether a room is being purged: no event may be written into it then. Ask it with the room's row locked (or known to be
 * missing), so that it still holds at the commit.
 */
export async function isPurging(db: Db, roomId: RoomId): Promise<boolean> {
  const [row] = await rowsOf<{ purging: boolean }>(
    db.raw('SELECT EXISTS (SELECT FROM matrix_admin.purges WHERE room_id = ?) AS purging', [roomId]),
  );
  return row?.purging ?? false;
}

/** From the commit on the room is being purged. */
export async function insertPurge(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  await transaction.raw('INSERT INTO matrix_admin.purges (room_id) VALUES (?) ON CONFLICT DO NOTHING', [roomId]);
}

export async function deletePurge(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  await transaction.raw('DELETE FROM matrix_admin.purges WHERE room_id = ?', [roomId]);
}
