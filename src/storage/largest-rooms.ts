import type { RoomId } from '../ids.ts';
import { type Db, rowsOf } from './database.ts';

/** A room, and an estimate of the space that it takes in the database. */
export interface RoomSize {
  readonly roomId: RoomId;
  /** Estimated size in bytes, including indexes. */
  readonly estimatedSize: number;
}

/** A table whose rows belong to rooms. */
interface SizedTable {
  readonly table: string;
  /** The column that names the room of a row, by the room's id or by Dendrite's number of the room. */
  readonly column: 'room_id' | 'room_nid';
  /**
   * Tables without such a column. The estimate assumes that a room has the same share of their rows as of this table's rows.
   */
  readonly alike?: readonly string[];
}

const TABLES: readonly SizedTable[] = [
  {
    table: 'public.roomserver_events',
    column: 'room_nid',
    alike: ['public.roomserver_event_json', 'public.roomserver_previous_events'],
  },
  { table: 'public.roomserver_state_snapshots', column: 'room_nid', alike: ['public.roomserver_state_block'] },
  { table: 'public.roomserver_membership', column: 'room_nid' },
  { table: 'public.syncapi_output_room_events', column: 'room_id' },
  { table: 'public.syncapi_output_room_events_topology', column: 'room_id' },
  { table: 'public.syncapi_current_room_state', column: 'room_id' },
  { table: 'public.syncapi_memberships', column: 'room_id' },
  { table: 'public.syncapi_relations', column: 'room_id' },
  { table: 'public.syncapi_receipts', column: 'room_id' },
  { table: 'public.federationsender_joined_hosts', column: 'room_id' },
  { table: 'matrix_admin.search_documents', column: 'room_id' },
];

/** SQL for the size of each table in bytes, together with its `alike` tables and all indexes. */
const BYTES = `SELECT t.name, t.key, coalesce(pg_total_relation_size(to_regclass(t.name)), 0)
    + coalesce((SELECT sum(pg_total_relation_size(to_regclass(alike))) FROM unnest(string_to_array(t.alike, ',')) AS alike), 0) AS bytes
  FROM unnest(CAST(:names AS text[]), CAST(:columns AS text[]), CAST(:alike AS text[])) AS t(name, key, alike)`;

/**
 * Estimates which rooms take the most space, and lists at most `limit`, the largest first. The estimate adds up, over all
 * tables, the room's share of the rows multiplied by the size of the table. The shares come from the statistics of PostgreSQL's
 * planner, which the last `ANALYZE` has collected, and which contain only the most common rooms of each table. So the query
 * does not read the tables of events, and small rooms may be missing from the list. Rooms that are being purged are left out.
 */
export async function listLargestRooms(db: Db, limit: number): Promise<RoomSize[]> {
  const rows = await rowsOf<{ room_id: RoomId; bytes: number }>(
    db.raw(
      `WITH tables AS (${BYTES}),
       shares AS MATERIALIZED (
         SELECT t.key, v.room, v.share * t.bytes AS bytes FROM tables t
         JOIN pg_stats s ON s.schemaname = split_part(t.name, '.', 1) AND s.tablename = split_part(t.name, '.', 2)
           AND s.attname = t.key
         CROSS JOIN LATERAL unnest(CAST(CAST(s.most_common_vals AS text) AS text[]), s.most_common_freqs) AS v(room, share)),
       sizes AS (
         SELECT r.room_id, s.bytes FROM shares s JOIN public.roomserver_rooms r ON r.room_id = s.room WHERE s.key = 'room_id'
         UNION ALL SELECT r.room_id, s.bytes FROM shares s
           JOIN public.roomserver_rooms r ON r.room_nid = CASE WHEN s.key = 'room_nid' THEN CAST(s.room AS bigint) END)
       SELECT room_id, sum(bytes)::float8 AS bytes FROM sizes
       WHERE NOT EXISTS (SELECT FROM matrix_admin.purges p WHERE p.room_id = sizes.room_id)
       GROUP BY room_id ORDER BY bytes DESC, room_id COLLATE "C" LIMIT :limit`,
      { ...bindings(), limit },
    ),
  );
  return rows.map(({ room_id: roomId, bytes }) => ({ roomId, estimatedSize: Math.round(bytes) }));
}

/**
 * Returns the time of the oldest statistics that `listLargestRooms()` uses, in ms since the epoch. Returns `null` if one of the
 * tables has rows but no statistics, or if all tables are empty.
 */
export async function findStatisticsTime(db: Db): Promise<number | null> {
  const [row] = await rowsOf<{ collected_ms: number | null }>(
    db.raw(
      `SELECT CASE WHEN count(*) = count(collected) THEN (extract(epoch FROM min(collected)) * 1000)::float8 END AS collected_ms
       FROM (SELECT greatest(s.last_analyze, s.last_autoanalyze) AS collected FROM pg_stat_all_tables s
         WHERE s.schemaname || '.' || s.relname = ANY(:names) AND s.n_live_tup > 0) AS statistics`,
      bindings(),
    ),
  );
  const collected = row?.collected_ms ?? null;
  return collected === null ? null : Math.floor(collected);
}

const bindings = (): { names: string[]; columns: string[]; alike: string[] } => ({
  names: TABLES.map(({ table }) => table),
  columns: TABLES.map(({ column }) => column),
  alike: TABLES.map(({ alike = [] }) => alike.join()),
});
