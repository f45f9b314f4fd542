import type { RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

export interface RetainedRoom {
  readonly roomNid: number;
  readonly roomId: RoomId;
  /** The JSON of the `m.room.retention` event in the room's current state. `undefined` if the room has no such event. */
  readonly policy: string | undefined;
}

/**
 * Lists rooms of which the homeserver has events, in ascending order of their NIDs, at most `limit` rooms. A NID is the number
 * that Dendrite gives a room. The list starts with the first NID above `after`.
 */
export async function listRetainedRooms(db: Db, after: number, limit: number): Promise<RetainedRoom[]> {
  const rows = await rowsOf<{ room_nid: string; room_id: RoomId; policy: string | null }>(
    db.raw(
      `SELECT r.room_nid, r.room_id, c.headered_event_json AS policy FROM public.roomserver_rooms r
       LEFT JOIN public.syncapi_current_room_state c
         ON c.room_id = r.room_id AND c.type = 'm.room.retention' AND c.state_key = ''
       WHERE r.room_nid > ? AND r.latest_event_nids <> '{}' ORDER BY r.room_nid LIMIT ?`,
      [after, limit],
    ),
  );
  return rows.map((row) => ({ roomNid: Number(row.room_nid), roomId: row.room_id, policy: row.policy ?? undefined }));
}
