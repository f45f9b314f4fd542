import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** A room that local users may not join. */
export interface BlockedRoom {
  readonly roomId: RoomId;
  readonly reason: string | undefined;
  /** Who has blocked the room. */
  readonly blockedBy: string;
  /** When the room was blocked, in ms since the epoch. */
  readonly blockedAt: number;
}

interface BlockedRow {
  room_id: RoomId;
  reason: string | null;
  blocked_by: string;
  blocked_ms: number;
}

const COLUMNS = 'room_id, reason, blocked_by, (extract(epoch FROM blocked_at) * 1000)::float8 AS blocked_ms';

const blockedOf = (row: BlockedRow): BlockedRoom => ({
  roomId: row.room_id,
  reason: row.reason ?? undefined,
  blockedBy: row.blocked_by,
  blockedAt: Math.floor(row.blocked_ms),
});

/** Blocks a room. If the room is already blocked, replaces the reason, who has blocked the room, and the time. */
export async function insertBlockedRoom(
  db: Db,
  { roomId, reason, blockedBy }: Omit<BlockedRoom, 'blockedAt'>,
): Promise<void> {
  await db.raw(
    `INSERT INTO matrix_admin.blocked_rooms (room_id, reason, blocked_by) VALUES (?, ?, ?)
     ON CONFLICT (room_id) DO UPDATE SET reason = excluded.reason, blocked_by = excluded.blocked_by,
       blocked_at = excluded.blocked_at`,
    [roomId, reason ?? null, blockedBy],
  );
}

/** Unblocks a room. @returns whether the room was blocked */
export async function deleteBlockedRoom(db: Db, roomId: RoomId): Promise<boolean> {
  const rows = await rowsOf<{ room_id: RoomId }>(
    db.raw('DELETE FROM matrix_admin.blocked_rooms WHERE room_id = ? RETURNING room_id', [roomId]),
  );
  return rows.length > 0;
}

/** Finds the block of a room. Returns `undefined` if the room is not blocked. */
export async function findBlockedRoom(db: Db, roomId: RoomId): Promise<BlockedRoom | undefined> {
  const [row] = await rowsOf<BlockedRow>(
    db.raw(`SELECT ${COLUMNS} FROM matrix_admin.blocked_rooms WHERE room_id = ?`, [roomId]),
  );
  return row && blockedOf(row);
}

/** Lists at most `limit` blocked rooms whose ids are greater than `after`, in ascending order of their ids. */
export async function readBlockedRooms(db: Db, after: string, limit: number): Promise<BlockedRoom[]> {
  const rows = await rowsOf<BlockedRow>(
    db.raw(`SELECT ${COLUMNS} FROM matrix_admin.blocked_rooms WHERE room_id > ? ORDER BY room_id LIMIT ?`, [
      after,
      limit,
    ]),
  );
  return rows.map(blockedOf);
}
