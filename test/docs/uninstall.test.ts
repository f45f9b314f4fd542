import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { USERS } from '../support/dendrite-server.ts';
import { mountPlugin } from '../support/mounted-plugin.ts';
import { ROOT } from './pages.ts';

/** The columns, indexes, constraints, triggers, functions, sequences and rows of the homeserver's tables. */
async function snapshot(db: Knex): Promise<unknown> {
  const tables: { rows: { name: string }[] } = await db.raw(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
  );
  const hashes = tables.rows.map(
    ({ name }) => `(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM public.${name} t)`,
  );
  const queries = [
    `SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns
     WHERE table_schema = 'public' ORDER BY 1, ordinal_position`,
    `SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`,
    `SELECT conrelid::regclass::text AS at, pg_get_constraintdef(oid) AS rule FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2`,
    `SELECT tgrelid::regclass::text AS at, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2`,
    `SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1`,
    `SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1`,
    `SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'matrix_admin' ORDER BY 1`,
    `SELECT extname FROM pg_extension ORDER BY 1`,
    `SELECT ARRAY[${hashes.join(',')}] AS hashes`,
  ];
  const parts: unknown[] = [];
  for (const query of queries) parts.push((await db.raw(query)).rows);
  return parts;
}

it("the SQL of docs/upgrade.md leaves the homeserver's tables as they were before the plugin came", async () => {
  const database = await createTestDatabase({ fixture: true, migrated: false });
  const before = await snapshot(database.db);
  const plugin = await mountPlugin({ database });
  for (const path of ['fulltext/reindex', 'summaries/rebuild']) {
    await plugin.asAdmin(`/_dendrite/admin/${path}`, { method: 'POST', headers: { Prefer: 'wait=10' } });
  }
  await plugin.asAdmin(`/_synapse/admin/v2/users/${USERS.bob.user_id}`);
  const { jobs } = await plugin.admin.operations.listJobs({}, { actor: { kind: 'system', name: 'test' } });
  for (const { id } of jobs) await plugin.admin.jobs.wait(id);
  await plugin.close();

  const page = await readFile(join(ROOT, 'docs/upgrade.md'), 'utf8');
  const [, statements = ''] = /```sql .*\n([^]*?)```/.exec(page) ?? [];
  await database.db.raw(statements);
  expect(await snapshot(database.db)).toEqual(before);
  expect(await database.db('pg_namespace').where({ nspname: 'matrix_admin' })).toEqual([]);
  await database.drop();
});
