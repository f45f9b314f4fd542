import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { addCounts, deleteRows, type RowCounts } from '../deletion.ts';

/** A place in the order of a room's events: by depth, and among events of equal depth by stream position. */
export interface Place {
  readonly depth: string;
  readonly streamPosition: string;
}

export const FIRST_PLACE: Place = { depth: '-9223372036854775808', streamPosition: '-9223372036854775808' };

/** An event in the timeline of a room. */
export interface TimelineEvent {
  readonly eventId: EventId;
  readonly type: string;
  readonly sender: string;
  /** The number that Dendrite gives the event. `undefined` if the roomserver does not have the event. */
  readonly eventNid: number | undefined;
  readonly isState: boolean;
  /** NID of the state snapshot before the event. 0 if there is none. */
  readonly snapshotNid: number;
}

const PLACE = `SELECT t.topological_position AS depth, e.id FROM public.syncapi_output_room_events e
  JOIN public.syncapi_output_room_events_topology t USING (event_id) WHERE e.room_id = :roomId`;

async function placeOf(
  db: Db,
  query: string,
  bindings: Readonly<Record<string, Knex.Value>>,
): Promise<Place | undefined> {
  const [row] = await rowsOf<{ depth: string; id: string }>(db.raw(`${PLACE} ${query}`, bindings));
  return row && { depth: row.depth, streamPosition: row.id };
}

/** Finds the place of an event of a room. Returns `undefined` if the event is not in the room's timeline. */
export function findPlace(db: Db, roomId: RoomId, eventId: EventId): Promise<Place | undefined> {
  return placeOf(db, 'AND e.event_id = :eventId', { roomId, eventId });
}

/**
 * Finds the place of the first event at or after a stream position. Ignores older events that the homeserver has fetched later
 * from other servers.
 */
export function findPlaceFrom(db: Db, roomId: RoomId, position: number): Promise<Place | undefined> {
  return placeOf(db, 'AND e.exclude_from_sync = false AND e.id >= :position ORDER BY e.id LIMIT 1', {
    roomId,
    position,
  });
}

/** Finds the place of a room's last event. Returns `undefined` if the room has no events. */
export function findLastPlace(db: Db, roomId: RoomId): Promise<Place | undefined> {
  return placeOf(db, 'ORDER BY t.topological_position DESC, e.id DESC LIMIT 1', { roomId });
}

/** A condition on the topology `t`: the event is in a range of places. */
const IN_RANGE = `(t.topological_position, t.stream_position) > (CAST(:afterDepth AS bigint), CAST(:afterId AS bigint))
  AND (t.topological_position, t.stream_position) < (CAST(:beforeDepth AS bigint), CAST(:beforeId AS bigint))`;

const rangeOf = (after: Place, before: Place): Record<string, string> => ({
  afterDepth: after.depth,
  afterId: after.streamPosition,
  beforeDepth: before.depth,
  beforeId: before.streamPosition,
});

interface Row {
  depth: string;
  id: string;
  event_id: EventId;
  type: string;
  sender: string;
  event_nid: string | null;
  is_state: boolean | null;
  state_snapshot_nid: string | null;
}

const COLUMNS = `t.topological_position AS depth, t.stream_position AS id, e.event_id, e.type, e.sender, r.event_nid,
  r.event_state_key_nid <> 0 AS is_state, r.state_snapshot_nid`;
const ROOMSERVER = 'LEFT JOIN public.roomserver_events r ON r.event_id = e.event_id';

/** A part of a room's timeline, and the place after which the next part begins. `next` is `undefined` after the last part. */
export interface TimelinePart {
  readonly events: readonly TimelineEvent[];
  readonly next: Place | undefined;
}

/**
 * Reads the next events of a room that lie after one place and before another.
 * @param room the room. If `isLarge` is `true`, reads the next `limit` events of all rooms in the index of places, and returns
 * those of the room, in no particular order. Otherwise finds the place of each event of the room, and returns the next `limit`
 * events in the order of their places. The first way is faster for a large room.
 */
export async function readTimelinePart(
  db: Db,
  { roomId, isLarge }: { readonly roomId: RoomId; readonly isLarge: boolean },
  { after, before, limit }: { readonly after: Place; readonly before: Place; readonly limit: number },
): Promise<TimelinePart> {
  const range = { roomId, limit, ...rangeOf(after, before) };
  if (!isLarge) {
    const rows = await rowsOf<Row>(
      db.raw(
        `WITH e AS MATERIALIZED (
           SELECT event_id, type, sender FROM public.syncapi_output_room_events WHERE room_id = :roomId)
         SELECT ${COLUMNS} FROM e JOIN public.syncapi_output_room_events_topology t ON t.event_id = e.event_id ${ROOMSERVER}
         WHERE ${IN_RANGE} ORDER BY t.topological_position, t.stream_position LIMIT :limit`,
        range,
      ),
    );
    const last = rows.at(-1);
    const isOver = last === undefined || rows.length < limit;
    return { events: rows.map(eventOf), next: isOver ? undefined : { depth: last.depth, streamPosition: last.id } };
  }
  const [last] = await rowsOf<{ depth: string; id: string }>(
    db.raw(
      `SELECT t.topological_position AS depth, t.stream_position AS id FROM public.syncapi_output_room_events_topology t
       WHERE ${IN_RANGE} ORDER BY t.topological_position, t.stream_position OFFSET :limit LIMIT 1`,
      range,
    ),
  );
  const upTo = last === undefined ? before : { depth: last.depth, streamPosition: last.id };
  const rows = await rowsOf<Row>(
    db.raw(
      `SELECT ${COLUMNS} FROM public.syncapi_output_room_events_topology t
       JOIN public.syncapi_output_room_events e ON e.event_id = t.event_id ${ROOMSERVER}
       WHERE t.room_id = :roomId AND ${IN_RANGE}`,
      { ...range, ...rangeOf(after, upTo) },
    ),
  );
  // The query leaves out the event at `upTo`. The next part begins with this event.
  const next = last && { depth: last.depth, streamPosition: String(BigInt(last.id) - 1n) };
  return { events: rows.map(eventOf), next };
}

function eventOf(row: Row): TimelineEvent {
  return {
    eventId: row.event_id,
    type: row.type,
    sender: row.sender,
    eventNid: row.event_nid === null ? undefined : Number(row.event_nid),
    isState: row.is_state ?? false,
    snapshotNid: Number(row.state_snapshot_nid ?? 0),
  };
}

/**
 * Counts the events of a room before a place, and how many of these events have a sender on one of the servers.
 * @param except NIDs of events that do not count
 */
export async function countBefore(
  db: Db,
  roomId: RoomId,
  before: Place,
  { serverNames, except }: { readonly serverNames: readonly string[]; readonly except: readonly number[] },
): Promise<{ readonly events: number; readonly local: number }> {
  const [row] = await rowsOf<{ events: string; local: string }>(
    db.raw(
      `WITH e AS MATERIALIZED (
         SELECT event_id, sender FROM public.syncapi_output_room_events WHERE room_id = :roomId)
       SELECT count(*) AS events,
         count(*) FILTER (WHERE substr(e.sender, strpos(e.sender, ':') + 1) = ANY(:serverNames)) AS local
       FROM e JOIN public.syncapi_output_room_events_topology t ON t.event_id = e.event_id
       WHERE ${IN_RANGE} AND e.event_id NOT IN (
         SELECT l.event_id FROM public.roomserver_events l WHERE l.event_nid = ANY(:except))`,
      { roomId, serverNames: [...serverNames], except: [...except], ...rangeOf(FIRST_PLACE, before) },
    ),
  );
  return { events: Number(row?.events ?? 0), local: Number(row?.local ?? 0) };
}

/** Lists the previous events of the given events that Dendrite has recorded as missing. */
export async function listMissingPrevious(db: Db, roomId: RoomId, eventIds: readonly EventId[]): Promise<EventId[]> {
  const rows = await rowsOf<{ id: EventId }>(
    db.raw(
      `SELECT DISTINCT prev_event_id AS id FROM public.syncapi_backward_extremities
       WHERE room_id = ? AND event_id = ANY(?)`,
      [roomId, [...eventIds]],
    ),
  );
  return rows.map(({ id }) => id);
}

/** Notes that events of a room lack previous events, so that the homeserver can fetch them from other servers. */
export async function insertBackwardExtremities(
  transaction: Knex.Transaction,
  roomId: RoomId,
  gaps: readonly { readonly previous: EventId; readonly eventNid: number }[],
): Promise<void> {
  if (gaps.length === 0) return;
  await transaction.raw(
    `INSERT INTO public.syncapi_backward_extremities (room_id, event_id, prev_event_id)
     SELECT ?, e.event_id, g.previous FROM unnest(?::text[], ?::bigint[]) AS g(previous, nid)
     JOIN public.roomserver_events e ON e.event_nid = g.nid
     JOIN public.syncapi_output_room_events o ON o.event_id = e.event_id
     ON CONFLICT DO NOTHING`,
    [roomId, gaps.map(({ previous }) => previous), gaps.map(({ eventNid }) => eventNid)],
  );
}

/** Deletes events from the tables of `/sync`, with the rows that refer to them. */
export async function deleteFromTimeline(
  transaction: Knex.Transaction,
  roomId: RoomId,
  eventIds: readonly EventId[],
): Promise<RowCounts> {
  const conditions: readonly (readonly [table: string, condition: string])[] = [
    ['public.syncapi_backward_extremities', 'room_id = :roomId AND event_id = ANY(:ids)'],
    ['public.syncapi_relations', 'room_id = :roomId AND event_id = ANY(:ids)'],
    ['public.syncapi_receipts', 'room_id = :roomId AND event_id = ANY(:ids)'],
    ['public.syncapi_invite_events', 'event_id = ANY(:ids) AND room_id = :roomId AND deleted'],
    ['public.syncapi_output_room_events_topology', 'event_id = ANY(:ids)'],
    ['public.syncapi_output_room_events', 'event_id = ANY(:ids)'],
  ];
  let counts: RowCounts = {};
  for (const [table, condition] of conditions) {
    counts = addCounts(counts, await deleteRows(transaction, table, condition, { roomId, ids: [...eventIds] }));
  }
  return counts;
}

/**
 * Reads the next `limit` relations of a room, and deletes those whose child event is no longer in the timeline.
 * @returns the number of deleted rows, and in `next` the last relation that was read, if there may be more
 */
export async function deleteBrokenRelations(
  transaction: Knex.Transaction,
  roomId: RoomId,
  after: readonly [parent: string, child: string],
  limit: number,
): Promise<{ readonly deleted: RowCounts; readonly next: readonly [string, string] | undefined }> {
  const [last] = await rowsOf<{ event_id: string; child_event_id: string }>(
    transaction.raw(
      `SELECT event_id, child_event_id FROM public.syncapi_relations
       WHERE room_id = ? AND (event_id, child_event_id) > (?, ?) ORDER BY event_id, child_event_id OFFSET ? LIMIT 1`,
      [roomId, ...after, limit - 1],
    ),
  );
  const upTo = last && 'AND (event_id, child_event_id) <= (:lastParent, :lastChild)';
  const deleted = await deleteRows(
    transaction,
    'public.syncapi_relations',
    `room_id = :roomId AND (event_id, child_event_id) > (:parent, :child) ${upTo ?? ''}
       AND NOT EXISTS (SELECT FROM public.syncapi_output_room_events o WHERE o.event_id = syncapi_relations.child_event_id)`,
    {
      roomId,
      parent: after[0],
      child: after[1],
      lastParent: last?.event_id ?? '',
      lastChild: last?.child_event_id ?? '',
    },
  );
  return { deleted, next: last && [last.event_id, last.child_event_id] };
}
