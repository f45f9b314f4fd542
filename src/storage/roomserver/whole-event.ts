import type { EventId, RoomId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';

/**
 * Finds an event by its id, with all its fields. If the tables of `/sync` contain the event, returns it in the form that these
 * tables store, otherwise in the form in which servers exchange it. Returns `undefined` if the event is unknown or rejected, or
 * if its room is being purged.
 */
export async function findWholeEvent(
  db: Db,
  eventId: EventId,
): Promise<{ readonly roomId: RoomId; readonly event: EventJson } | undefined> {
  const [row] = await rowsOf<{ room_id: RoomId; json: string }>(
    db.raw(
      `SELECT r.room_id, coalesce(o.headered_event_json, j.event_json) AS json
       FROM public.roomserver_events e
       JOIN public.roomserver_rooms r ON r.room_nid = e.room_nid
       JOIN public.roomserver_event_json j ON j.event_nid = e.event_nid
       LEFT JOIN public.syncapi_output_room_events o ON o.event_id = e.event_id
       WHERE e.event_id = ? AND NOT e.is_rejected
         AND NOT EXISTS (SELECT FROM matrix_admin.purges p WHERE p.room_id = r.room_id)`,
      [eventId],
    ),
  );
  return row && { roomId: row.room_id, event: JSON.parse(row.json) as EventJson };
}
