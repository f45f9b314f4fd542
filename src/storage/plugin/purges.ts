import type { Knex } from 'knex';
import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { Position, RowCounts } from '../deletion.ts';
import { deleteRoomSummary } from './room-summaries.ts';

/**
 * The progress of a purge. It is stored outside the job, so that a new job can resume a purge that was cancelled or has failed.
 */
export interface PurgeProgress {
  readonly phase: number;
  readonly position: Position;
  readonly deleted: RowCounts;
  /** Number of events in the room when the purge began. */
  readonly events: number;
  /** What the evacuation before the purge has done. Absent if there was no evacuation. */
  readonly evacuation?: PurgeEvacuation;
}

/** What an evacuation before a purge has done. An evacuation makes the local users leave the room. */
export interface PurgeEvacuation {
  /** Number of users who have left the room. */
  readonly evacuated: number;
  /** Users who could not leave, and the reasons. */
  readonly failed?: readonly { readonly id: string; readonly reason: string }[];
  /** Servers that had not received all leave events when the purge continued. They will never receive these events. */
  readonly undelivered?: readonly string[];
}

/**
 * Tells whether a room is being purged. During a purge, no event may be written into the room. If the caller has locked the
 * room's row (or knows that there is no row), the answer stays valid until the end of the transaction.
 */
export async function isPurging(db: Db, roomId: RoomId): Promise<boolean> {
  const [row] = await rowsOf<{ purging: boolean }>(
    db.raw('SELECT EXISTS (SELECT FROM matrix_admin.purges WHERE room_id = ?) AS purging', [roomId]),
  );
  return row?.purging ?? false;
}

/** Marks a room as being purged. Other transactions see the mark after the commit. */
export async function insertPurge(
  transaction: Knex.Transaction,
  roomId: RoomId,
  progress: PurgeProgress,
): Promise<void> {
  await transaction.raw('INSERT INTO matrix_admin.purges (room_id, progress) VALUES (?, ?)', [
    roomId,
    JSON.stringify(progress),
  ]);
  await deleteRoomSummary(transaction, roomId);
}

/** Reads the progress of a room's purge. Returns `undefined` if the room is not being purged. */
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
