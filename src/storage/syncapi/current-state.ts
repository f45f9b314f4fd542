import type { EventId, RoomId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';

/** A stored event with its id. Since room version 3, the JSON of an event does not contain its id. */
export interface IdentifiedEvent {
  readonly eventId: EventId;
  readonly event: EventJson;
}

/**
 * Lists the events of a room's current state, in the order of types and state keys.
 * @param options `type` selects the events of one type. `notType` leaves out the events of one type. Without both, the function
 * lists all events.
 */
export async function listCurrentState(
  db: Db,
  roomId: RoomId,
  { type, notType }: { readonly type?: string | undefined; readonly notType?: string | undefined },
): Promise<IdentifiedEvent[]> {
  const rows = await rowsOf<{ event_id: EventId; headered_event_json: string }>(
    db.raw(
      `SELECT event_id, headered_event_json FROM public.syncapi_current_room_state
       WHERE room_id = :roomId AND (CAST(:type AS text) IS NULL OR type = :type)
         AND (CAST(:notType AS text) IS NULL OR type <> :notType)
       ORDER BY type COLLATE "C", state_key COLLATE "C"`,
      { roomId, type: type ?? null, notType: notType ?? null },
    ),
  );
  return rows.map((row) => ({ eventId: row.event_id, event: JSON.parse(row.headered_event_json) as EventJson }));
}
