import type { Knex } from 'knex';
import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { Position, RowCounts } from '../deletion.ts';

/** How far a purge has got. Kept beside the job: a purge that was cancelled or has failed is gone on with by the next one. */
export interface PurgeProgress {
  readonly phase: number;
  readonly position: Position;
  readonly deleted: RowCounts;
  /** Events that were there when the room went out of sight. */
  readonly events: number;
  /** What became of its local members before; absent: they were not asked to leave. */
  readonly evacuation?: Evacuation;
}

/** How the evacuation before a purge went. */
export interface Evacuation {
  /** Users who have left. */
  readonly evacuated: number;
  /** Users who could not, and why. */
  readonly failed?: readonly { readonly id: string; readonly reason: string }[];
  /** Servers that had not been told of all leaves when the purge went on, and will not be. */
  readonly undelivered?: readonly string[];
}

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
export async function insertPurge(
  transaction: Knex.Transaction,
  roomId: RoomId,
  progress: PurgeProgress,
): Promise<void> {
  await transaction.raw('INSERT INTO matrix_admin.purges (room_id, progress) VALUES (?, ?)', [
    roomId,
    JSON.stringify(progress),
  ]);
}

/** `undefined`: the room is not being purged. */
export async function readPurge(db: Db, roomId: RoomId): Promise<PurgeProgress | undefined> {
  const [row] = await rowsOf<{ progress: PurgeProgress }>(
    db.raw('SELECT progress FROM matrix_admin.purges WHERE room_id = ?', [roomId]),
  );
  return row?.progress;
}

export async function updatePurge(
  transaction: Knex.Transaction,
  roomId: RoomId,
  progress: PurgeProgress,
): Promise<void> {
  await transaction.raw('UPDATE matrix_admin.purges SET progress = ? WHERE room_id = ?', [
    JSON.stringify(progress),
    roomId,
  ]);
}

export async function deletePurge(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  await transaction.raw('DELETE FROM matrix_admin.purges WHERE room_id = ?', [roomId]);
}
