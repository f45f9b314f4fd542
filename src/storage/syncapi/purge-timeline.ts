import type { Knex } from 'knex';
import { rowsOf } from '../database.ts';
import { countsOf, type Deletion, type Position } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/** Groups of the rows of a room, in each of which an index has them in order of their ids. */
const GROUPS = ['exclude_from_sync = false', 'exclude_from_sync = true', 'exclude_from_sync IS NULL'] as const;
const LARGEST_ID = '9223372036854775807';

/** Events of a room that clients can be shown. */
export async function countTimeline(transaction: Knex.Transaction, { roomId }: RoomKeys): Promise<number> {
  const [row] = await rowsOf<{ events: string }>(
    transaction.raw('SELECT count(*) AS events FROM public.syncapi_output_room_events WHERE room_id = ?', [roomId]),
  );
  return Number(row?.events ?? 0);
}

/**
 * A step through the timeline of a room: deletes the next `limit` events with their topology and what search has noted of
 * them. A rebuild of the search index that has them already is told of those of `searchableTypes`.
 */
export async function deleteTimeline(
  transaction: Knex.Transaction,
  { roomId }: RoomKeys,
  [group = 0, after = 0]: Position,
  { limit, searchableTypes }: { readonly limit: number; readonly searchableTypes: readonly string[] },
): Promise<Deletion> {
  const inGroup = GROUPS[Number(group)];
  if (inGroup === undefined) return { deleted: {}, next: undefined };
  const [last] = await rowsOf<{ id: string }>(
    transaction.raw(
      `SELECT id FROM public.syncapi_output_room_events WHERE room_id = ? AND ${inGroup} AND id > ?
       ORDER BY id OFFSET ? LIMIT 1`,
      [roomId, after, limit - 1],
    ),
  );
  const deleted = await countsOf(
    transaction.raw(
      `WITH events AS (
         DELETE FROM public.syncapi_output_room_events
         WHERE room_id = :roomId AND ${inGroup} AND id > :after AND id <= :upTo RETURNING event_id, type),
       topology AS (
         DELETE FROM public.syncapi_output_room_events_topology
         WHERE event_id IN (SELECT event_id FROM events) RETURNING 1),
       edits AS (
         DELETE FROM matrix_admin.search_edits WHERE edit_event_id IN (SELECT event_id FROM events)),
       edited AS (
         DELETE FROM matrix_admin.search_edits WHERE original_event_id IN (SELECT event_id FROM events)),
       changes AS (
         INSERT INTO matrix_admin.search_changes (engine, event_id, for_index, for_rebuild)
         SELECT s.engine, e.event_id, false, true FROM events e CROSS JOIN matrix_admin.search_indexes s
         WHERE s.rebuild_id IS NOT NULL AND e.type = ANY(:searchableTypes))
       SELECT (SELECT count(*) FROM events) AS syncapi_output_room_events,
         (SELECT count(*) FROM topology) AS syncapi_output_room_events_topology`,
      { roomId, after, upTo: last?.id ?? LARGEST_ID, searchableTypes: [...searchableTypes] },
    ),
  );
  return { deleted, next: last === undefined ? [Number(group) + 1] : [Number(group), Number(last.id)] };
}
