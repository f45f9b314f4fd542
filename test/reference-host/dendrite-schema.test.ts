import { readFile } from 'node:fs/promises';
import knex, { type Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { ensureDendriteSchema } from '../../src/reference-host/dendrite-schema/dendrite-schema.ts';
import { loadSqlDump } from '../../src/reference-host/load-sql-dump.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { connectionStringFor, withAdmin } from '../support/test-databases.ts';

const fixture = (name: string): Promise<string> =>
  readFile(new URL(`../fixtures/dendrite/${name}`, import.meta.url), 'utf8');

async function recorded(name: string): Promise<string[][]> {
  return (await fixture(name))
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'));
}

async function catalogue(db: Knex, query: string): Promise<string[][]> {
  const { rows } = await db.raw<{ rows: Record<string, string>[] }>(query);
  return rows.map((row) => Object.values(row));
}

const OURS = "('reference_host_migrations', 'reference_host_migrations_lock')";

const COLUMNS = `
  SELECT table_name, ordinal_position::text AS position, column_name, udt_name, is_nullable, coalesce(column_default, '')
      AS column_default
  FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT IN ${OURS}
  ORDER BY table_name COLLATE "C", ordinal_position`;

const INDEXES = `
  SELECT t.relname AS table_name, i.relname AS index_name, x.indisunique::text::char AS is_unique,
    x.indisprimary::text::char AS is_primary,
    (SELECT string_agg(pg_get_indexdef(x.indexrelid, n, true), ',' ORDER BY n) FROM generate_series(1, x.indnatts) n)
      AS columns,
    coalesce(pg_get_expr(x.indpred, x.indrelid), '') AS predicate
  FROM pg_index x
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_class t ON t.oid = x.indrelid AND t.relnamespace = 'public'::regnamespace
  WHERE t.relname NOT IN ${OURS}
  ORDER BY t.relname COLLATE "C", i.relname COLLATE "C"`;

const SEQUENCES = `
  SELECT sequencename::text, start_value::text, data_type::text FROM pg_sequences
  WHERE schemaname = 'public' AND sequencename NOT LIKE 'reference\\_host\\_%' ORDER BY sequencename COLLATE "C"`;

/** Sequences of SERIAL columns: dropped with their table. */
const OWNED_SEQUENCES = `
  SELECT s.relname FROM pg_class s
  JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'a'
  WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace AND s.relname NOT LIKE 'reference\\_host\\_%'
  ORDER BY s.relname COLLATE "C"`;

/** How often a row of `data.sql` starts: pg_dump writes every row on lines of its own, after a tab. */
async function rowCountsOfDump(): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const [, table = '', rows = ''] of (await fixture('data.sql')).matchAll(
    /^INSERT INTO public\.(\w+) \([^\n]*\) VALUES\n([^]*?\);)$/gm,
  )) {
    counts.set(table, (counts.get(table) ?? 0) + (rows.match(/^\t\(/gm) ?? []).length);
  }
  return counts;
}

let empty: TestDatabase;
let full: TestDatabase;
beforeAll(async () => {
  empty = await createTestDatabase();
  full = await createTestDatabase({ fixture: true });
});
afterAll(async () => {
  await empty.drop();
  await full.drop();
});

describe("the created tables are Dendrite's", () => {
  test.each([
    ['columns.tsv', COLUMNS],
    ['indexes.tsv', INDEXES],
    ['sequences.tsv', SEQUENCES],
  ])('%s', async (file, query) => {
    const rows = await catalogue(empty.db, query);
    expect(rows).toEqual(await recorded(file));
  });

  test('SERIAL columns own their sequences', async () => {
    expect((await catalogue(empty.db, OWNED_SEQUENCES)).flat()).toEqual([
      'federationsender_queue_json_json_nid_seq',
      'syncapi_filter_id_seq',
      'syncapi_notification_data_id_seq',
      'userapi_notifications_id_seq',
      'userapi_pushers_id_seq',
    ]);
  });
});

describe('the recorded data', () => {
  test('loads completely', async () => {
    const counts = await rowCountsOfDump();
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(2_000);
    for (const table of new Set((await recorded('columns.tsv')).map(([name = '']) => name))) {
      const [row] = await full.db(table).count<{ count: string }[]>('* as count');
      expect([table, Number(row?.count)]).toEqual([table, counts.get(table) ?? 0]);
    }
  });

  test('leaves the sequences behind it', async () => {
    const { rows } = await full.db.raw(`SELECT nextval('syncapi_stream_id')::int AS next`);
    expect(rows).toEqual([{ next: 342 }]);
  });
});

describe('loadSqlDump', () => {
  const insert = (id: string): string =>
    `SET search_path = ''; INSERT INTO public.syncapi_ignores VALUES ('${id}', '{"\\?":"?"}');`;

  test('keeps question marks and backslashes, and resets what the dump has set', async () => {
    await loadSqlDump(empty.db, insert('@ok:b'));
    expect(await empty.db('syncapi_ignores').select()).toEqual([{ user_id: '@ok:b', ignores_json: '{"\\?":"?"}' }]);
  });

  test('loads nothing when a statement fails', async () => {
    await expect(loadSqlDump(empty.db, `${insert('@bad:b')} SELECT 1/0;`)).rejects.toThrow('division by zero');
    expect(await empty.db('syncapi_ignores').where({ user_id: '@bad:b' })).toEqual([]);
  });
});

describe('ensureDendriteSchema', () => {
  test('lets processes that start together wait for each other, and then does nothing', async () => {
    const { admin, prefix } = inject('databases');
    const name = `${prefix}_together`;
    await withAdmin(admin, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`));
    const pools = [1, 2, 3].map(() => knex({ client: 'pg', connection: connectionStringFor(admin, name) }));
    try {
      await Promise.all(pools.map((db) => ensureDendriteSchema(db)));
      expect(await Promise.all(pools.map((db) => db('roomserver_rooms').select()))).toEqual([[], [], []]);
    } finally {
      await Promise.all(pools.map((db) => db.destroy()));
    }
  });

  test("uses a Dendrite's tables as they are", async () => {
    const before = await createTestDatabase({ fixture: true });
    try {
      await before.db.schema.dropTable('reference_host_migrations').dropTable('reference_host_migrations_lock');
      await before.db.schema.dropTable('mediaapi_thumbnail');
      await ensureDendriteSchema(before.db);
      expect(await before.db.schema.hasTable('reference_host_migrations')).toBe(false);
      expect(await before.db.schema.hasTable('mediaapi_thumbnail')).toBe(false);
    } finally {
      await before.drop();
    }
  });
});

test('the constraint that Dendrite names in a statement is one, not only an index', async () => {
  const database = await createTestDatabase();
  const { rows } = await database.db.raw(
    `SELECT contype FROM pg_constraint WHERE conname = 'keyserver_key_changes_unique_per_user'`,
  );
  expect(rows).toEqual([{ contype: 'u' }]);
  await database.drop();
});
