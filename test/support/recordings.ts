import { readFileSync } from 'node:fs';
import type { Knex } from 'knex';

type Row = Record<string, unknown>;

/** The answer of a real Dendrite to a call, and the rows that the call removed and added. */
export interface Recording {
  readonly status: number;
  readonly body: unknown;
  readonly tables: Readonly<Record<string, Changes>>;
}

interface Changes {
  readonly removed: readonly Row[];
  readonly added: readonly Row[];
}

const FOLDER = new URL('../fixtures/dendrite/recordings/', import.meta.url);

export function recording(name: string): Recording {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'));
}

async function readTables(db: Knex): Promise<Map<string, Map<string, Row>>> {
  const { rows: tables } = await db.raw<{ rows: { name: string }[] }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  );
  const contents = new Map<string, Map<string, Row>>();
  for (const { name } of tables) {
    const { rows } = await db.raw<{ rows: { row: Row }[] }>('SELECT to_jsonb(t) AS row FROM public.?? t', [name]);
    contents.set(name, new Map(rows.map(({ row }) => [JSON.stringify(row), row])));
  }
  return contents;
}

/** Returns the rows of Dendrite's tables that `work` removes and adds. */
export async function changesOf(db: Knex, work: () => Promise<unknown>): Promise<Record<string, Changes>> {
  const before = await readTables(db);
  await work();
  const after = await readTables(db);
  const changed = [...after].map(([table, rows]): [string, Changes] => {
    const old = before.get(table) ?? new Map<string, Row>();
    return [
      table,
      {
        removed: [...old].filter(([key]) => !rows.has(key)).map(([, row]) => row),
        added: [...rows].filter(([key]) => !old.has(key)).map(([, row]) => row),
      },
    ];
  });
  return Object.fromEntries(changed.filter(([, { removed, added }]) => removed.length + added.length > 0));
}

/**
 * Columns and fields that are not compared, because they differ between two runs, or between events that follow each other and
 * sibling events.
 */
const VOLATILE = new Set([
  'added_at',
  'auth_event_nids',
  'auth_events',
  'depth',
  'event_nid',
  'event_nids',
  'hashes',
  'id',
  'last_event_sent_nid',
  'latest_event_nids',
  'origin_server_ts',
  'prev_events',
  'signatures',
  'state_block_hash',
  'state_block_nid',
  'state_block_nids',
  'state_snapshot_hash',
  'state_snapshot_nid',
  'stream_pos',
  'stream_position',
  'topological_pos',
  'topological_position',
]);

/** Returns the part of a row that can be compared. All ids of new events become equal. */
function comparable(value: unknown, known: ReadonlySet<string>): unknown {
  if (typeof value === 'string' && value.startsWith('$') && !known.has(value)) return '$new';
  if (typeof value === 'string' && value.startsWith('{')) return comparable(JSON.parse(value), known);
  if (Array.isArray(value)) return value.map((item) => comparable(item, known));
  if (typeof value !== 'object' || value === null) return value;
  // Some of Dendrite's events have an empty `unsigned`.
  const isEmpty = (key: string, item: unknown): boolean => key === 'unsigned' && JSON.stringify(item) === '{}';
  const kept = Object.entries(value).filter(([key, item]) => !VOLATILE.has(key) && !isEmpty(key, item));
  return Object.fromEntries(
    kept.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, comparable(item, known)]),
  );
}

/**
 * Converts changes of the given tables to a form that can be compared between two homeservers.
 * @param known ids of the events that existed before
 */
export function comparableChanges(
  changes: Readonly<Record<string, Changes>>,
  known: ReadonlySet<string>,
  except: readonly string[] = [],
): Record<string, unknown> {
  const sorted = (rows: readonly Row[]): string[] => rows.map((row) => JSON.stringify(comparable(row, known))).sort();
  return Object.fromEntries(
    Object.entries(changes)
      .filter(([table]) => !except.includes(table))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([table, { removed, added }]) => [table, { removed: sorted(removed), added: sorted(added) }]),
  );
}

/** Returns the ids of all stored events. */
export async function eventIdsOf(db: Knex): Promise<Set<string>> {
  return new Set<string>([
    ...(await db('public.roomserver_events').pluck('event_id')),
    ...(await db('public.roomserver_invites').pluck('invite_event_id')),
  ]);
}
