import type { Knex } from 'knex';
import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { Position, RowCounts } from '../deletion.ts';
import { deleteRoomSummary } from './room-summaries.ts';

/**
 * The progress of the purge of a room. It is stored outside the row of the job that purges the room, so that a new job can
 * resume the purge if the first job was cancelled or has failed.
 */
export interface PurgeProgress {
  /** Number of phases that are complete. Each phase deletes rows from certain tables. */
  readonly phase: number;
  /** How far the current phase has come. */
  readonly position: Position;
  /** Number of rows that all phases have deleted or changed so far, by table. */
  readonly deleted: RowCounts;
  /** Number of events in the room when the purge began. */
  readonly events: number;
  /** The result of the evacuation before the purge. Absent if there was no evacuation. */
  readonly evacuation?: PurgeEvacuation;
}

/** The result of an evacuation before a purge. An evacuation makes the local users leave the room. @internal */
export interface PurgeEvacuation {
  /** Number of users who have left the room. */
  readonly evacuated: number;
  /** Users who could not leave, and the reasons. */
  readonly failed?: readonly { readonly id: string; readonly reason: string }[];
  /**
   * Other servers that had not received all leave events when the purge began. These servers never receive the missing events.
   */
  readonly undelivered?: readonly string[];
}

/**
 * Tells whether a room is being purged. During a purge, nobody may write an event into the room. If the caller has locked the
 * row of the room in `roomserver_rooms`, or if there is no such row, the answer stays valid until the end of the transaction.
 */
export async function isPurging(db: Db, roomId: RoomId): Promise<boolean> {
  const [row] = await rowsOf<{ purging: boolean }>(
    db.raw('SELECT EXISTS (SELECT FROM matrix_admin.purges WHERE room_id = ?) AS purging', [roomId]),
  );
  return row?.purging ?? false;
}

/** Stores the beginning of a room's purge, and deletes the room's summary, so that lists no longer show the room. */
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

/** Stores the progress of a room's purge. */
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

/** Deletes the progress of a room's purge at the end of the purge. */
export async function deletePurge(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  await transaction.raw('DELETE FROM matrix_admin.purges WHERE room_id = ?', [roomId]);
}
