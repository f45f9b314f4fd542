import type { Knex } from 'knex';

/** Everything that identifies a room in a database: its ids, and the ids of everything that belongs to it. */
export interface RoomNames {
  readonly roomId: string;
  readonly roomNid: string;
  readonly eventIds: readonly string[];
  readonly eventNids: readonly string[];
  readonly snapshotNids: readonly string[];
  readonly blockNids: readonly string[];
}

interface Column {
  table_schema: string;
  table_name: string;
  column_name: string;
  data_type: string;
  udt_name: string;
}

/**
 * The plugin's own tables that may name a purged room: records of operations, blocked rooms, and departures, which the plugin
 * removes after 30 days.
 */
const RECORDS = ['matrix_admin.jobs', 'matrix_admin.audit', 'matrix_admin.blocked_rooms', 'matrix_admin.departures'];

/**
 * Numeric columns that contain NIDs, by column name. A NID is a number that Dendrite gives a room, an event or a text. Other
 * numeric columns contain counts or stream positions, which may equal a NID by chance.
 */
const NID_COLUMNS: Readonly<Record<string, keyof RoomNames>> = {
  room_nid: 'roomNid',
  event_nid: 'eventNids',
  event_nids: 'eventNids',
  auth_event_nids: 'eventNids',
  latest_event_nids: 'eventNids',
  last_event_sent_nid: 'eventNids',
  state_snapshot_nid: 'snapshotNids',
  state_block_nid: 'blockNids',
  state_block_nids: 'blockNids',
};

const columnsOf = async (db: Knex): Promise<Column[]> => {
  const { rows } = await db.raw(
    `SELECT c.table_schema, c.table_name, c.column_name, c.data_type, c.udt_name FROM information_schema.columns c
     JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.table_schema IN ('public', 'matrix_admin') AND t.table_type = 'BASE TABLE'`,
  );
  return rows;
};

async function listOf(db: Knex, sql: string, bindings: readonly Knex.Value[]): Promise<string[]> {
  const { rows } = await db.raw(sql, [...bindings]);
  return rows.map((row: { value: string }) => row.value);
}

/** Finds everything that identifies a room. Call it before the room is purged. */
export async function namesOf(db: Knex, roomId: string): Promise<RoomNames> {
  const [roomNid = ''] = await listOf(db, 'SELECT room_nid AS value FROM roomserver_rooms WHERE room_id = ?', [roomId]);
  const snapshotNids = await listOf(
    db,
    // All rooms share the snapshot without events, so it does not identify the room.
    `SELECT state_snapshot_nid AS value FROM roomserver_state_snapshots WHERE room_nid = ? AND state_block_nids <> '{}'`,
    [roomNid],
  );
  return {
    roomId,
    roomNid,
    eventIds: await listOf(
      db,
      `SELECT event_id AS value FROM roomserver_events WHERE room_nid = ?
       UNION SELECT event_id FROM syncapi_output_room_events WHERE room_id = ?
       UNION SELECT invite_event_id FROM roomserver_invites WHERE room_nid = ?
       UNION SELECT prev_event_id FROM syncapi_backward_extremities WHERE room_id = ?`,
      [roomNid, roomId, roomNid, roomId],
    ),
    eventNids: await listOf(db, 'SELECT event_nid AS value FROM roomserver_events WHERE room_nid = ?', [roomNid]),
    snapshotNids,
    blockNids: await listOf(
      db,
      'SELECT DISTINCT unnest(state_block_nids) AS value FROM roomserver_state_snapshots WHERE state_snapshot_nid = ANY(?)',
      [snapshotNids],
    ),
  };
}

/** Lists every column of every table that names the room, each as `table.column: number of rows`. */
export async function tracesOf(db: Knex, names: RoomNames): Promise<string[]> {
  const found: string[] = [];
  for (const column of await columnsOf(db)) {
    const table = `${column.table_schema}.${column.table_name}`;
    if (RECORDS.includes(table)) continue;
    const count = await countTraces(db, table, column, names);
    if (count > 0) found.push(`${table}.${column.column_name}: ${count}`);
  }
  return found.sort();
}

async function countTraces(db: Knex, table: string, column: Column, names: RoomNames): Promise<number> {
  const name = `"${column.column_name}"`;
  const kind = NID_COLUMNS[column.column_name];
  if (kind !== undefined && /int[48]$/.test(column.udt_name)) {
    const nids = [names[kind]].flat();
    const condition =
      column.data_type === 'ARRAY' ? `${name} && CAST(? AS bigint[])` : `${name} = ANY(CAST(? AS bigint[]))`;
    return countRows(db, table, condition, [nids]);
  }
  if (!['text', 'jsonb', 'json', 'ARRAY', 'character varying', 'bytea'].includes(column.data_type)) return 0;
  const text = column.data_type === 'bytea' ? `encode(${name}, 'escape')` : `CAST(${name} AS text)`;
  return countRows(db, table, `EXISTS (SELECT FROM unnest(CAST(? AS text[])) AS id WHERE strpos(${text}, id) > 0)`, [
    [names.roomId, ...names.eventIds],
  ]);
}

async function countRows(db: Knex, table: string, condition: string, bindings: readonly unknown[]): Promise<number> {
  const { rows } = await db.raw(`SELECT count(*)::int AS count FROM ${table} WHERE ${condition}`, bindings as never);
  return rows[0].count;
}

/** Tells whether a row belongs to the room. */
export function belongsTo(row: Readonly<Record<string, unknown>>, names: RoomNames): boolean {
  const text = JSON.stringify(row);
  if ([names.roomId, ...names.eventIds].some((id) => text.includes(id))) return true;
  return Object.entries(NID_COLUMNS).some(([column, kind]) => {
    const nids = new Set([names[kind]].flat());
    const value = row[column];
    return (Array.isArray(value) ? value : [value]).some((nid) => typeof nid === 'number' && nids.has(`${nid}`));
  });
}
