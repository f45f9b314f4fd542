import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import knex, { type Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { dendriteSchema, ensureDendriteSchema } from '../../src/dendrite-schema/index.ts';
import { createAdminPlugin, userId } from '../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createSigningKey, SERVER_NAME } from '../support/dendrite-server.ts';
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

const OURS = "('dendrite_schema_migrations', 'dendrite_schema_migrations_lock')";

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
  WHERE schemaname = 'public' AND sequencename NOT LIKE 'dendrite\\_schema\\_%' ORDER BY sequencename COLLATE "C"`;

/** SQL for the sequences of SERIAL columns. They are dropped together with their table. */
const OWNED_SEQUENCES = `
  SELECT s.relname FROM pg_class s
  JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'a'
  WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace AND s.relname NOT LIKE 'dendrite\\_schema\\_%'
  ORDER BY s.relname COLLATE "C"`;

/** Counts the rows of each table in `data.sql`. pg_dump writes each row on a separate line, after a tab. */
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

  test('moves the sequences past its ids', async () => {
    const { rows } = await full.db.raw(`SELECT nextval('syncapi_stream_id')::int AS next`);
    expect(rows).toEqual([{ next: 342 }]);
  });
});

/** Creates a database without tables, and a pool for it. Both are removed at the end of the test. */
async function emptyDatabase(schema = 'public'): Promise<Knex> {
  const { admin, prefix } = inject('databases');
  const name = `${prefix}_${randomUUID().replaceAll('-', '')}`;
  await withAdmin(admin, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`));
  const db = knex({ client: 'pg', connection: connectionStringFor(admin, name), searchPath: [schema] });
  onTestFinished(async () => {
    await db.destroy();
    await withAdmin(admin, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
  });
  await db.raw('CREATE SCHEMA IF NOT EXISTS ??', [schema]);
  return db;
}

describe('dendriteSchema', () => {
  const alice = userId(`@alice:${SERVER_NAME}`);
  const drafts = [{ type: 'm.room.member', sender: alice, stateKey: alice, content: { membership: 'join' } }];
  const caller = { actor: { kind: 'system', name: 'test' } } as const;

  test.each([{}, { disableTransactions: true }])(
    'prepares an empty database for an evacuation by the plugin: %j',
    async (settings) => {
      const db = await emptyDatabase('homeserver');
      const config = { migrationSource: dendriteSchema, tableName: 'migrations_of_dendrite', ...settings };
      await db.migrate.latest(config);
      const admin = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys: [createSigningKey()] });
      onTestFinished(() => admin.stop());
      await admin.start();
      const { roomId } = await db.transaction((transaction) =>
        admin.rooms.create(transaction, { version: '11', creator: alice, content: {}, drafts }),
      );
      const { affected } = await admin.operations.evacuateRoom({ roomId }, caller);
      expect(affected).toEqual([alice]);
      const members = db('public.syncapi_current_room_state').where({ type: 'm.room.member' });
      expect(await members.select('state_key', 'membership')).toEqual([{ state_key: alice, membership: 'leave' }]);
      // The host's own tables and its table of migrations stay in the schemas of the host's own search path.
      expect(await db('homeserver.migrations_of_dendrite').select('name')).toHaveLength(6);
    },
  );

  test('drops nothing', async () => {
    for (const { down } of await dendriteSchema.getMigrations([])) {
      await expect(down?.(empty.db)).rejects.toThrow("the homeserver's data is not dropped");
    }
  });
});

describe('ensureDendriteSchema', () => {
  test('makes processes that start together wait for each other, and does nothing the second time', async () => {
    const first = await emptyDatabase();
    const others = [1, 2].map(() => knex(first.client.config));
    onTestFinished(async () => void (await Promise.all(others.map((db) => db.destroy()))));
    const pools = [first, ...others];
    await Promise.all(pools.map((db) => ensureDendriteSchema(db)));
    expect(await Promise.all(pools.map((db) => db('roomserver_rooms').select()))).toEqual([[], [], []]);
  });

  test('leaves the tables of a Dendrite unchanged', async () => {
    const before = await createTestDatabase({ fixture: true });
    try {
      await before.db.schema.dropTable('dendrite_schema_migrations').dropTable('dendrite_schema_migrations_lock');
      await before.db.schema.dropTable('mediaapi_thumbnail');
      await ensureDendriteSchema(before.db);
      expect(await before.db.schema.hasTable('dendrite_schema_migrations')).toBe(false);
      expect(await before.db.schema.hasTable('mediaapi_thumbnail')).toBe(false);
    } finally {
      await before.drop();
    }
  });
});

test('the constraint that Dendrite names in a statement is a constraint, not only an index', async () => {
  const database = await createTestDatabase();
  const { rows } = await database.db.raw(
    `SELECT contype FROM pg_constraint WHERE conname = 'keyserver_key_changes_unique_per_user'`,
  );
  expect(rows).toEqual([{ contype: 'u' }]);
  await database.drop();
});
