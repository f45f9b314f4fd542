import type { RoomId, ServerName } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { HAS_LOCAL_USERS } from './local-members.ts';

export interface ListedRoom {
  readonly roomNid: number;
  readonly roomId: RoomId;
}

/**
 * Lists rooms without local users: no user of the local servers has joined the room, is invited to it or is knocking at it.
 * Leaves out rooms that are being purged. The rooms are in ascending order of their NIDs. A NID is the number that Dendrite
 * gives a room. The list starts with the first NID above `after`. If `limit` is `undefined`, the list has no maximum length.
 */
export async function listEmptyRooms(
  db: Db,
  localServerNames: readonly ServerName[],
  { after, limit }: { readonly after: number; readonly limit: number | undefined },
): Promise<ListedRoom[]> {
  const rows = await rowsOf<{ room_nid: string; room_id: RoomId }>(
    db.raw(
      `SELECT r.room_nid, r.room_id FROM public.roomserver_rooms r
       WHERE r.room_nid > :after
         AND NOT ${HAS_LOCAL_USERS}
         AND NOT EXISTS (SELECT FROM matrix_admin.purges p WHERE p.room_id = r.room_id)
       ORDER BY r.room_nid LIMIT :limit`,
      { after, limit: limit ?? null, localServerNames: [...localServerNames] },
    ),
  );
  return rows.map((row) => ({ roomNid: Number(row.room_nid), roomId: row.room_id }));
}
