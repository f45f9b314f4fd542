import type { Knex } from 'knex';
import type { PlacedEvent } from '../../homeserver/index.ts';
import type { EventId, RoomId } from '../../index.ts';
import { isRecord } from '../../matrix/index.ts';

/** Selects the events that relate to the event `eventId`. */
export interface RelationFilter {
  readonly eventId: EventId;
  /** `undefined` selects all types of relations. */
  readonly relType: string | undefined;
  /** `undefined` selects all types of events. */
  readonly type: string | undefined;
}

/**
 * Lists the events of a room that relate to an event, newest first. Searches the JSON of all events of the room, so it is only
 * fast in small rooms.
 */
export async function readRelatedEvents(
  db: Knex,
  roomId: RoomId,
  { eventId, relType, type }: RelationFilter,
): Promise<PlacedEvent[]> {
  const { rows } = await db.raw<{
    rows: { id: string; event_id: EventId; depth: string; headered_event_json: string }[];
  }>(
    `SELECT e.id, e.event_id, coalesce(t.topological_position, 0) AS depth, e.headered_event_json
     FROM public.syncapi_output_room_events e
     LEFT JOIN public.syncapi_output_room_events_topology t ON t.event_id = e.event_id
     WHERE e.room_id = :roomId AND strpos(e.headered_event_json, :eventId) > 0
       AND (CAST(:type AS text) IS NULL OR e.type = :type) ORDER BY e.id DESC`,
    { roomId, eventId, type: type ?? null } as Record<string, Knex.Value>,
  );
  return rows
    .map((row) => ({
      eventId: row.event_id,
      event: JSON.parse(row.headered_event_json),
      streamPosition: Number(row.id),
      topologicalPosition: Number(row.depth),
    }))
    .filter(({ event: { content } }) => {
      const relation: unknown = isRecord(content) ? content['m.relates_to'] : undefined;
      return (
        isRecord(relation) && relation.event_id === eventId && (relType ?? relation.rel_type) === relation.rel_type
      );
    });
}
