import type { EventId, RoomId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';
import { type EventTypeFilter, isWantedType, typeBindings } from '../event-type-filter.ts';
import type { IdentifiedEvent } from './current-state.ts';

/**
 * An event, and its positions in the timeline of `/sync`. The stream position counts events in the order of their arrival. The
 * topological position is the event's depth, or 0 if the topology table has no row for the event.
 */
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

/** Finds an event in the timeline of a room. Returns `undefined` if the timeline does not contain the event. */
export async function findPlacedEvent(db: Db, roomId: RoomId, eventId: EventId): Promise<PlacedEvent | undefined> {
  const [row] = await rowsOf<Row>(
    db.raw(
      `SELECT ${COLUMNS} FROM public.syncapi_output_room_events e ${TOPOLOGY} WHERE e.event_id = ? AND e.room_id = ?`,
      [eventId, roomId],
    ),
  );
  return row && placedEventOf(row);
}

export interface TimelineFilter extends EventTypeFilter {
  /** Only events of these senders. @defaultValue all senders */
  readonly senders?: readonly string[] | undefined;
  /** Senders to exclude, even if `senders` includes them. @defaultValue no senders */
  readonly notSenders?: readonly string[] | undefined;
  /** Only events with a `url` in their content, or only events without one. @defaultValue both */
  readonly containsUrl?: boolean | undefined;
}

/** Selects a page of a room's timeline. `after` and `upTo` are stream positions. */
export interface TimelinePage {
  readonly direction: 'f' | 'b';
  /** Only events with a greater stream position. @defaultValue 0, the beginning of the timeline */
  readonly after?: number | undefined;
  /** Only events with this or a smaller stream position. @defaultValue the end of the timeline */
  readonly upTo?: number | undefined;
  readonly limit: number;
  /** Only events that pass this filter. @defaultValue all events */
  readonly filter?: TimelineFilter;
  /** Whether to include old events that the homeserver has fetched from other servers after newer events. @defaultValue true */
  readonly withHistory?: boolean;
}

export interface Timeline {
  /** The events, in the order of `direction`. */
  readonly events: readonly PlacedEvent[];
  /**
   * Only set if `listTimeline()` ended the page early, because it had compared `LOOKED_AT` events with the filter: the stream
   * position of the last of these events.
   */
  readonly lookedUpTo: number | undefined;
}

/** Maximum number of events that are compared with the filter for one page. */
const LOOKED_AT = 20_000;

/**
 * Returns SQL for one of two groups of a room's events, by stream position. If `isExcluded` is `false`, the group consists of
 * the events that `/sync` shows, otherwise of the events that `/sync` does not show. In the index on room, group and stream
 * position, each group is one range. The comparison of pairs forces PostgreSQL to use this index. Without this comparison,
 * PostgreSQL may read the events of all rooms in stream order.
 */
const groupOf = (isExcluded: boolean, order: string): string =>
  `(SELECT id, sender, type, contains_url FROM public.syncapi_output_room_events
    WHERE room_id = :roomId AND (exclude_from_sync, id) > (${isExcluded}, :after)
      AND (exclude_from_sync, id) <= (${isExcluded}, :upTo)
    ORDER BY exclude_from_sync ${order}, id ${order} LIMIT :lookedAt)`;

/** Reads a page of a room's timeline by stream position, which is the order in which events have arrived. */
export async function listTimeline(
  db: Db,
  roomId: RoomId,
  { direction, after = 0, upTo = Number.MAX_SAFE_INTEGER, limit, filter = {}, withHistory = true }: TimelinePage,
): Promise<Timeline> {
  const order = direction === 'f' ? 'ASC' : 'DESC';
  const isFiltered = Object.values(filter).some((wanted) => wanted !== undefined);
  const groups = (withHistory ? [false, true] : [false]).map((isExcluded) => groupOf(isExcluded, order));
  const candidates = `SELECT * FROM (${groups.join(' UNION ALL ')}) AS groups ORDER BY id ${order} LIMIT :lookedAt`;
  const range = { roomId, after, upTo, lookedAt: isFiltered ? LOOKED_AT : limit };
  const rows = await rowsOf<Row>(
    db.raw(
      `SELECT ${COLUMNS} FROM (
         SELECT id FROM (${candidates}) AS candidates
         WHERE ${isWantedType('type')} AND (CAST(:senders AS text[]) IS NULL OR sender = ANY(:senders))
           AND sender <> ALL(:notSenders)
           AND (CAST(:containsUrl AS boolean) IS NULL OR contains_url = :containsUrl)
         ORDER BY id ${order} LIMIT :limit) AS page
       JOIN public.syncapi_output_room_events e ON e.id = page.id ${TOPOLOGY} ORDER BY e.id ${order}`,
      {
        ...range,
        limit,
        ...typeBindings(filter),
        senders: filter.senders === undefined ? null : [...filter.senders],
        notSenders: [...(filter.notSenders ?? [])],
        containsUrl: filter.containsUrl ?? null,
      },
    ),
  );
  const events = rows.map(placedEventOf);
  if (!isFiltered || events.length === limit) return { events, lookedUpTo: undefined };
  const [last] = await rowsOf<{ id: string }>(
    db.raw(`SELECT id FROM (${candidates}) AS candidates ORDER BY id ${order} OFFSET ${LOOKED_AT - 1}`, range),
  );
  return { events, lookedUpTo: last && Number(last.id) };
}
