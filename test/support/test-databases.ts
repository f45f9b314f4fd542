import { readFile } from 'node:fs/promises';
import knex, { type Knex } from 'knex';
import { Client } from 'pg';
import { ensureDendriteSchema } from '../../src/dendrite-schema/index.ts';
import { loadSqlDump } from '../../src/reference-host/load-sql-dump.ts';
import { migrateOwnSchema } from '../../src/storage/database.ts';
import { grantsFor } from '../../src/storage/privileges.ts';

/** The databases of one test run. Their names start with `prefix`. */
export interface TestDatabases {
  /** Connection string of a database that no test uses. It is on the same server. */
  readonly admin: string;
  readonly prefix: string;
}

const PASSWORD = 'plugin';
const FIXTURE = new URL('../fixtures/dendrite/data.sql', import.meta.url);

/** Makes the connection string of the database `name`, on the server of `admin`. */
export function connectionStringFor(admin: string, name: string): string {
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return url.href;
}

/** Returns the name of the database in a connection string. */
export const databaseName = (connectionString: string): string => new URL(connectionString).pathname.slice(1);

/** Runs `work` on a new connection to the database `admin`. */
export async function withAdmin<Result>(admin: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: admin });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A database that tests copy. */
export interface Template {
  /** Whether the database has the data of the recorded Dendrite. */
  readonly fixture: boolean;
  /** Whether the database has the plugin's own tables. */
  readonly migrated: boolean;
}

export const templateName = (prefix: string, { fixture, migrated }: Template): string =>
  `${prefix}_${fixture ? 'fixture' : 'empty'}${migrated ? '_migrated' : ''}`;

/** Returns the name of the database role for plugins in tests. It has only the privileges that the manifest declares. */
const roleName = (prefix: string): string => `${prefix}_plugin`;

/** Returns the connection string of the same database, with the plugin's role. */
export function connectionStringOfRole(connectionString: string, prefix: string): string {
  const url = new URL(connectionString);
  url.username = roleName(prefix);
  url.password = PASSWORD;
  return url.href;
}

/** Creates the databases that tests copy. */
export async function createTemplates({ admin, prefix }: TestDatabases): Promise<void> {
  await withAdmin(admin, (client) => client.query(`CREATE ROLE ${roleName(prefix)} LOGIN PASSWORD '${PASSWORD}'`));
  for (const fixture of [false, true]) {
    const name = templateName(prefix, { fixture, migrated: false });
    await withAdmin(admin, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`));
    await withPool(connectionStringFor(admin, name), async (db) => {
      await ensureDendriteSchema(db);
      if (fixture) await loadSqlDump(db, await readFile(FIXTURE, 'utf8'));
      for (const grant of grantsFor(roleName(prefix))) await db.raw(grant);
      await db.raw('VACUUM ANALYZE');
    });
    const migrated = templateName(prefix, { fixture, migrated: true });
    await withAdmin(admin, (client) => client.query(`CREATE DATABASE ${migrated} TEMPLATE ${name}`));
    // The plugin's role owns the plugin's tables, as in production.
    await withPool(connectionStringOfRole(connectionStringFor(admin, migrated), prefix), migrateOwnSchema);
  }
}

async function withPool(connection: string, work: (db: Knex) => Promise<void>): Promise<void> {
  const db = knex({ client: 'pg', connection });
  try {
    await work(db);
  } finally {
    await db.destroy();
  }
}

/** Drops every database of the test run, even if there are connections to it. */
export async function dropDatabases({ admin, prefix }: TestDatabases): Promise<void> {
  await withAdmin(admin, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [prefix],
    );
    for (const { datname } of rows) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
    await client.query(`DROP ROLE IF EXISTS ${roleName(prefix)}`);
  });
}
