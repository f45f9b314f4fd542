import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { deleteRows, type RowCounts } from '../deletion.ts';

/** A place in the order of a room's events: by depth, and among events of equal depth by stream position. */
export interface Place {
  readonly depth: string;
  readonly streamPosition: string;
}

/** A place before the first event of every room. */
export const FIRST_PLACE: Place = { depth: '-9223372036854775808', streamPosition: '-9223372036854775808' };

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
 * Finds the place of the first event of a room at or after a stream position. Ignores old events that the homeserver has
 * fetched from other servers after newer events. Returns `undefined` if there is no such event.
 */
export function findPlaceFrom(db: Db, roomId: RoomId, position: number): Promise<Place | undefined> {
  return placeOf(db, 'AND e.exclude_from_sync = false AND e.id >= :position ORDER BY e.id LIMIT 1', {
    roomId,
    position,
  });
}

/** Finds the place of the last event in the order of places. Returns `undefined` if the room has no events. */
export function findLastPlace(db: Db, roomId: RoomId): Promise<Place | undefined> {
  return placeOf(db, 'ORDER BY t.topological_position DESC, e.id DESC LIMIT 1', { roomId });
}

/**
 * SQL condition: the event of a row of the topology table is after one place and before another. The query needs the bindings
 * of `rangeOf()`.
 */
export const IN_RANGE = `(topological_position, stream_position) > (CAST(:afterDepth AS bigint), CAST(:afterId AS bigint))
  AND (topological_position, stream_position) < (CAST(:beforeDepth AS bigint), CAST(:beforeId AS bigint))`;

/** Returns the bindings of `IN_RANGE` for the events after one place and before another. */
export const rangeOf = (after: Place, before: Place): Record<string, string> => ({
  afterDepth: after.depth,
  afterId: after.streamPosition,
  beforeDepth: before.depth,
  beforeId: before.streamPosition,
});

/**
 * Counts the events of a room before a place. Also counts how many of these events have a sender on one of the given servers.
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

/**
 * SQL condition: a query of one column returns the value. PostgreSQL puts the results of the query into a hash table. Without
 * `IS TRUE`, PostgreSQL could turn the condition into a join, which takes far too long if PostgreSQL expects few results.
 */
export const isAmong = (value: string, query: string): string => `(${value} IN (${query})) IS TRUE`;

/**
 * Returns the tables of `/sync` from which a step of a purge of history deletes, and for each table an SQL condition that
 * selects the rows: the events in `gone`, and rows that refer to these events. Invites that are still pending are not selected.
 * A statement with such a condition must define `gone`, a subquery (CTE) with the columns `id` and `event_id`, and needs the
 * binding `:roomId`.
 * @param isLarge whether to select the rows of the topology table by the range of the step, which needs the bindings of
 * `rangeOf()`, and not by the ids of the events alone
 */
export const deletionsFromTimeline = (isLarge: boolean): readonly (readonly [table: string, condition: string])[] => {
  const isGone = isAmong('event_id', 'SELECT event_id FROM gone');
  const inIndex = 'event_id = ANY(ARRAY(SELECT event_id FROM gone))';
  return [
    ['public.syncapi_backward_extremities', `room_id = :roomId AND ${isGone}`],
    ['public.syncapi_relations', `room_id = :roomId AND ${inIndex}`],
    ['public.syncapi_receipts', `room_id = :roomId AND ${isGone}`],
    ['public.syncapi_invite_events', `${inIndex} AND room_id = :roomId AND deleted`],
    [
      'public.syncapi_output_room_events_topology',
      isLarge ? `room_id = :roomId AND ${IN_RANGE} AND ${isGone}` : inIndex,
    ],
    ['public.syncapi_output_room_events', 'id = ANY(ARRAY(SELECT id FROM gone))'],
  ];
};

/**
 * A relation connects a child event, such as a reaction, with a parent event. Reads the next `limit` relations of a room, and
 * deletes those relations whose child event is no longer in the timeline.
 * @returns the number of deleted rows, and in `next` the last relation that was read; `undefined` if no more relations follow
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
  // Because of `OFFSET 0`, PostgreSQL looks up each child event in an index. Otherwise it may read the events of all rooms.
  const upTo = last && 'AND (event_id, child_event_id) <= (:lastParent, :lastChild)';
  const deleted = await deleteRows(
    transaction,
    'public.syncapi_relations',
    `room_id = :roomId AND (event_id, child_event_id) > (:parent, :child) ${upTo ?? ''}
       AND NOT EXISTS (
         SELECT FROM public.syncapi_output_room_events o WHERE o.event_id = syncapi_relations.child_event_id OFFSET 0)`,
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
