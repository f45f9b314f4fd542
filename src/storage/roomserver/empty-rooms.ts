import type { RoomId, ServerName } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

export interface ListedRoom {
  readonly roomNid: number;
  readonly roomId: RoomId;
}

/**
 * Rooms in which no user of the local server names is joined, invited or knocking, in order of their NID, after `after`.
 * `target_local` alone would miss the users of virtual hosts: Dendrite sets it for the primary server name only. Rooms
 * that are being purged are left out.
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
         AND NOT EXISTS (
           SELECT FROM public.roomserver_membership m
           JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
           WHERE m.room_nid = r.room_nid AND m.membership_nid IN (2, 3, 4)
             AND (m.target_local OR substr(k.event_state_key, strpos(k.event_state_key, ':') + 1) = ANY(:localServerNames)))
         AND NOT EXISTS (SELECT FROM matrix_admin.purges p WHERE p.room_id = r.room_id)
       ORDER BY r.room_nid LIMIT :limit`,
      { after, limit: limit ?? null, localServerNames: [...localServerNames] },
    ),
  );
  return rows.map((row) => ({ roomNid: Number(row.room_nid), roomId: row.room_id }));
}
