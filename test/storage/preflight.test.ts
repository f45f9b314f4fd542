import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import knex from 'knex';
import { expect, inject, it } from 'vitest';
import { preflight, REQUIRED_COLUMNS } from '../../src/storage/preflight.ts';
import { connectionStringFor, withAdmin } from '../support/test-databases.ts';

const STORAGE = 'src/storage';
const TABLE = /\b(?:public\.|')((?:federationsender|keyserver|roomserver|syncapi|userapi)_[a-z_]+)\b/g;
/** Matches names of sequences, which look like names of tables. */
const SEQUENCE = /_seq$|^syncapi_stream_id$/;

it('start() checks every table of Dendrite that the storage uses', () => {
  const named = readdirSync(STORAGE, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'preflight.ts')
    .flatMap((file) => [...readFileSync(join(STORAGE, file), 'utf8').matchAll(TABLE)])
    .map(([, table = '']) => table)
    .filter((table) => !SEQUENCE.test(table));
  expect(named.length).toBeGreaterThan(50);
  expect([...new Set(named)].filter((table) => !(table in REQUIRED_COLUMNS)).sort()).toEqual([]);
});

it('start() refuses a database that cannot store most messages', async () => {
  const { admin, prefix } = inject('databases');
  const name = `${prefix}_latin1`;
  const create = `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`;
  await withAdmin(admin, (client) => client.query(create));
  const db = knex({ client: 'pg', connection: connectionStringFor(admin, name) });
  await expect(preflight(db)).rejects.toThrow(/needs a database with the encoding UTF8\. This one has LATIN1/);
  await db.destroy();
  await withAdmin(admin, (client) => client.query(`DROP DATABASE ${name}`));
});
