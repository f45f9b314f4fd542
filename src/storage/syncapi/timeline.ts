import type { EventId, RoomId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';
import { type EventTypeFilter, isWantedType, typeBindings } from '../event-type-filter.ts';
import type { IdentifiedEvent } from './current-state.ts';

/** An event, and its positions in the timeline of `/sync`. */
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

export interface TimelineFilter extends EventTypeFilter {
  /** Only events of these senders. @defaultValue all senders */
  readonly senders?: readonly string[] | undefined;
  /** Senders to exclude, even if `senders` includes them. @defaultValue no senders */
  readonly notSenders?: readonly string[] | undefined;
  /** Only events with a `url` in their content, or only events without one. @defaultValue both */
  readonly containsUrl?: boolean | undefined;
}

/** Selects a page of a room's timeline. Positions are stream positions. */
export interface TimelinePage {
  readonly direction: 'f' | 'b';
  /** Only events after this position. @defaultValue 0, the beginning of the timeline */
  readonly after?: number | undefined;
  /** Only events at or before this position. @defaultValue the end of the timeline */
  readonly upTo?: number | undefined;
  readonly limit: number;
  /** Only events that pass this filter. @defaultValue all events */
  readonly filter?: TimelineFilter;
  /** Whether to include older events that the homeserver has fetched later from other servers. @defaultValue true */
  readonly withHistory?: boolean;
}

export interface Timeline {
  /** The events, in the order of `direction`. */
  readonly events: readonly PlacedEvent[];
  /**
   * The last position that `listTimeline()` has read, if it has ended the page early after `LOOKED_AT` events. Otherwise
   * `undefined`.
   */
  readonly lookedUpTo: number | undefined;
}

/** Maximum number of events that are read for one page with a filter. */
const LOOKED_AT = 20_000;

/**
 * Returns SQL for one group of a room's events by stream position: the events that `/sync` shows, or the events that it
 * excludes. Each group is one range of an index on room and group. The comparison of pairs forces PostgreSQL to use this index.
 * Without this comparison, the planner may read the events of all rooms in stream order.
 */
const groupOf = (isExcluded: boolean, order: string): string =>
  `(SELECT id, sender, type, contains_url FROM public.syncapi_output_room_events
    WHERE room_id = :roomId AND (exclude_from_sync, id) > (${isExcluded}, :after)
      AND (exclude_from_sync, id) <= (${isExcluded}, :upTo)
    ORDER BY exclude_from_sync ${order}, id ${order} LIMIT :lookedAt)`;

/** Reads a page of a room's timeline in stream order, which is the order in which events have arrived. */
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
