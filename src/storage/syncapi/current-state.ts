import type { EventId, RoomId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';

/** A stored event with its id. Since room version 3, the JSON of an event does not contain its id. */
export interface IdentifiedEvent {
  readonly eventId: EventId;
  readonly event: EventJson;
}

/** Lists a room's current state, or only the state events of one type, in order of types and state keys. */
export async function listCurrentState(db: Db, roomId: RoomId, type: string | undefined): Promise<IdentifiedEvent[]> {
  const rows = await rowsOf<{ event_id: EventId; headered_event_json: string }>(
    db.raw(
      `SELECT event_id, headered_event_json FROM public.syncapi_current_room_state
       WHERE room_id = :roomId AND (CAST(:type AS text) IS NULL OR type = :type)
       ORDER BY type COLLATE "C", state_key COLLATE "C"`,
      { roomId, type: type ?? null },
    ),
  );
  return rows.map((row) => ({ eventId: row.event_id, event: JSON.parse(row.headered_event_json) as EventJson }));
}
