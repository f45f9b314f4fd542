import type { EventId, RoomId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';
import { type EventTypeFilter, isWantedType, typeBindings } from '../event-type-filter.ts';
import type { IdentifiedEvent } from './current-state.ts';

/** An event and its position in the timeline of `/sync`. */
export interface PlacedEvent extends IdentifiedEvent {
  readonly streamPosition: number;
  readonly topologicalPosition: number;
}

interface Row {
  id: string;
  event_id: EventId;
  topological_position: string | null;
  headered_event_json: string;
}

const COLUMNS = 'e.id, e.event_id, t.topological_position, e.headered_event_json';
const TOPOLOGY = 'LEFT JOIN public.syncapi_output_room_events_topology t ON t.event_id = e.event_id';

const placedEventOf = (row: Row): PlacedEvent => ({
  eventId: row.event_id,
  event: JSON.parse(row.headered_event_json) as EventJson,
  streamPosition: Number(row.id),
  topologicalPosition: Number(row.topological_position ?? 0),
});

/** Finds an event in the timeline of a room. */
export async function findPlacedEvent(db: Db, roomId: RoomId, eventId: EventId): Promise<PlacedEvent | undefined> {
  const [row] = await rowsOf<Row>(
    db.raw(
      `SELECT ${COLUMNS} FROM public.syncapi_output_room_events e ${TOPOLOGY} WHERE e.event_id = ? AND e.room_id = ?`,
      [eventId, roomId],
    ),
  );
  return row && placedEventOf(row);
}

export interface Neighbours {
  readonly direction: 'before' | 'after';
  readonly streamPosition: number;
  readonly limit: number;
  readonly filter: EventTypeFilter;
}

/**
 * The events before or after a position in a room, nearest first. Uses the order of the stream, as Dendrite does for an
 * event's context. Events that `/sync` shows and events that it excludes are one index range each.
 */
export async function listNeighbours(
  db: Db,
  roomId: RoomId,
  { direction, streamPosition, limit, filter }: Neighbours,
): Promise<PlacedEvent[]> {
  const [beyond, order] = direction === 'after' ? ['>', 'ASC'] : ['<', 'DESC'];
  const rows = await rowsOf<Row>(
    db.raw(
      `SELECT ${COLUMNS} FROM unnest(CAST('{false,true}' AS boolean[])) AS excluded(flag)
       CROSS JOIN LATERAL (
         SELECT * FROM public.syncapi_output_room_events
         WHERE room_id = :roomId AND exclude_from_sync = excluded.flag AND id ${beyond} :streamPosition
           AND ${isWantedType('type')} ORDER BY id ${order} LIMIT :limit) AS e
       ${TOPOLOGY} ORDER BY e.id ${order} LIMIT :limit`,
      { roomId, streamPosition, limit, ...typeBindings(filter) },
    ),
  );
  return rows.map(placedEventOf);
}
