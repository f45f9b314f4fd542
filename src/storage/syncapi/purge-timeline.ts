import type { Knex } from 'knex';
import { rowsOf } from '../database.ts';
import { addCounts, type Deletion, deleteRows, type Position } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/**
 * SQL conditions that split a room's rows of `syncapi_output_room_events` into three groups. An index on room, group and id has
 * the rows of each group in the order of their ids.
 */
const GROUPS = ['exclude_from_sync = false', 'exclude_from_sync = true', 'exclude_from_sync IS NULL'] as const;
const LARGEST_ID = '9223372036854775807';

/** Counts the events in the timeline of a room. */
export async function countTimeline(transaction: Knex.Transaction, { roomId }: RoomKeys): Promise<number> {
  const [row] = await rowsOf<{ events: string }>(
    transaction.raw('SELECT count(*) AS events FROM public.syncapi_output_room_events WHERE room_id = ?', [roomId]),
  );
  return Number(row?.events ?? 0);
}

/** Parameters of one step that deletes a part of a timeline. */
export interface TimelineStep {
  /** Maximum number of events that the step deletes. */
  readonly limit: number;
  /** Event types that the search index contains. */
  readonly searchableTypes: readonly string[];
  /** Whether the step also deletes the events' rows in the topology table. */
  readonly withTopology: boolean;
}

/**
 * Deletes the next events of a room's timeline, their rows in the topology table if `withTopology` is `true`, and the rows of
 * the plugin's table `search_edits` that contain one of these events. If a new search index is being built, its rebuild may
 * have read the events already. So the function adds each event of `searchableTypes` to the changes that the rebuild applies
 * later.
 */
export async function deleteTimeline(
  transaction: Knex.Transaction,
  { roomId }: RoomKeys,
  [group = 0, after = 0]: Position,
  { limit, searchableTypes, withTopology }: TimelineStep,
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
  const bounds = { roomId, after, upTo: last?.id ?? LARGEST_ID };
  const inRange = `room_id = :roomId AND ${inGroup} AND id > :after AND id <= :upTo`;
  // The transaction deletes the events last. The statement for each other table selects the ids of the events again, because
  // this costs less than returning the ids from a deletion.
  const ids = `(SELECT event_id FROM public.syncapi_output_room_events WHERE ${inRange})`;
  await transaction.raw(
    `INSERT INTO matrix_admin.search_changes (engine, event_id, for_index, for_rebuild)
     SELECT s.engine, e.event_id, false, true FROM matrix_admin.search_indexes s
     CROSS JOIN LATERAL (
       -- OFFSET 0 keeps PostgreSQL from running this subquery if no index is being rebuilt.
       SELECT event_id FROM public.syncapi_output_room_events
       WHERE s.rebuild_id IS NOT NULL AND ${inRange} AND type = ANY(:searchableTypes) OFFSET 0) e
     WHERE s.rebuild_id IS NOT NULL`,
    { ...bounds, searchableTypes: [...searchableTypes] },
  );
  for (const reference of ['edit_event_id', 'original_event_id']) {
    await deleteRows(transaction, 'matrix_admin.search_edits', `${reference} IN ${ids}`, bounds);
  }
  const topology = 'public.syncapi_output_room_events_topology';
  const deleted = addCounts(
    withTopology ? await deleteRows(transaction, topology, `event_id IN ${ids}`, bounds) : {},
    await deleteRows(transaction, 'public.syncapi_output_room_events', inRange, bounds),
  );
  return { deleted, next: last === undefined ? [Number(group) + 1] : [Number(group), Number(last.id)] };
}
