import type { EventId, RoomId, UserId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { type Db, rowsOf } from '../database.ts';

/** Selects the events that a user has sent, by room and type. */
export interface UserEventFilter {
  readonly userId: UserId;
  /** @defaultValue all rooms */
  readonly rooms?: readonly RoomId[] | undefined;
  /** Event types. Events of other types do not match. */
  readonly types: readonly string[];
}

/** An event of a user that has not been redacted. */
export interface UserEvent {
  readonly eventId: EventId;
  readonly type: string;
  /** The event's `origin_server_ts`, in ms since the epoch. `undefined` if this field is not a number. */
  readonly originServerTs: number | undefined;
  /** The field `membership` of the content. Only member events have it. */
  readonly membership: unknown;
  /** The event's JSON text. */
  readonly json: string;
  readonly place: EventPlace;
}

/**
 * Position of an event in its room. A room's events are in the order of their depths. Events of equal depth are in the order of
 * their stream positions, which is the order of their arrival.
 */
export interface EventPlace {
  readonly depth: string;
  readonly streamPosition: string;
}

/** SQL condition: no redaction has taken effect on the event `e`. */
const IS_NOT_REDACTED = `NOT EXISTS (SELECT FROM public.roomserver_redactions d
  WHERE d.redacts_event_id = e.event_id AND d.validated)`;

/** Counts a user's events that are not redacted, by room. Leaves out rooms with no such events. */
export async function countUserEvents(
  db: Db,
  { userId, rooms, types }: UserEventFilter,
): Promise<{ readonly roomId: RoomId; readonly events: number }[]> {
  const rows = await rowsOf<{ room_id: RoomId; events: string }>(
    db.raw(
      `SELECT room_id, count(*) AS events FROM public.syncapi_output_room_events e
       WHERE sender = :userId AND type = ANY(:types) AND (CAST(:rooms AS text[]) IS NULL OR room_id = ANY(:rooms))
         AND ${IS_NOT_REDACTED}
       GROUP BY room_id`,
      { userId, types: [...types], rooms: rooms === undefined ? null : [...rooms] },
    ),
  );
  return rows.map((row) => ({ roomId: row.room_id, events: Number(row.events) }));
}

interface Row {
  id: string;
  depth: string;
  event_id: EventId;
  type: string;
  headered_event_json: string;
}

/**
 * Lists a user's events in one room that are not redacted, in reverse order of their places, so that events with the greatest
 * depth come first. If `after` is given, the list starts after this place. Ignores `rooms` of the filter.
 */
export async function listUserEvents(
  db: Db,
  roomId: RoomId,
  { userId, types }: UserEventFilter,
  { after, limit }: { readonly after: EventPlace | undefined; readonly limit: number },
): Promise<UserEvent[]> {
  const rows = await rowsOf<Row>(
    db.raw(
      `SELECT e.id, t.topological_position AS depth, e.event_id, e.type, e.headered_event_json
       FROM public.syncapi_output_room_events e JOIN public.syncapi_output_room_events_topology t USING (event_id)
       WHERE e.room_id = :roomId AND e.sender = :userId AND e.type = ANY(:types) AND ${IS_NOT_REDACTED}
         AND (CAST(:depth AS bigint) IS NULL OR (t.topological_position, e.id) < (:depth, :streamPosition))
       ORDER BY t.topological_position DESC, e.id DESC LIMIT :limit`,
      {
        roomId,
        userId,
        types: [...types],
        depth: after?.depth ?? null,
        streamPosition: after?.streamPosition ?? null,
        limit,
      },
    ),
  );
  return rows.map((row) => {
    const event: unknown = JSON.parse(row.headered_event_json);
    const { content, origin_server_ts: ts } = isRecord(event) ? event : {};
    return {
      eventId: row.event_id,
      type: row.type,
      originServerTs: typeof ts === 'number' ? ts : undefined,
      membership: isRecord(content) ? content.membership : undefined,
      json: row.headered_event_json,
      place: { depth: row.depth, streamPosition: row.id },
    };
  });
}
