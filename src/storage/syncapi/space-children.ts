import type { RoomId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';

/** An `m.space.child` state event of a space. */
export interface SpaceChildEvent {
  readonly spaceId: RoomId;
  /** State key of the event. It is the room id of the child, unless the sender wrote some other text. */
  readonly childId: string;
  readonly event: EventJson;
}

/**
 * Lists the `m.space.child` events in the current state of the given spaces, by space and state key, at most `limit` events.
 */
export async function listSpaceChildren(
  db: Db,
  spaceIds: readonly RoomId[],
  limit: number,
): Promise<SpaceChildEvent[]> {
  const rows = await rowsOf<{ room_id: RoomId; state_key: string; headered_event_json: string }>(
    db.raw(
      `SELECT room_id, state_key, headered_event_json FROM public.syncapi_current_room_state
       WHERE room_id = ANY(?) AND type = 'm.space.child' ORDER BY room_id, state_key LIMIT ?`,
      [[...spaceIds], limit],
    ),
  );
  return rows.map((row) => ({
    spaceId: row.room_id,
    childId: row.state_key,
    event: JSON.parse(row.headered_event_json) as EventJson,
  }));
}
