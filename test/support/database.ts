import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import knex, { type Knex } from 'knex';
import { Client, DatabaseError } from 'pg';
import { inject } from 'vitest';
import {
  connectionStringFor,
  connectionStringOfRole,
  databaseName,
  templateName,
  withAdmin,
} from './test-databases.ts';
import { recordOutput } from './test-output.ts';

export interface TestDatabase {
  readonly connectionString: string;
  readonly db: Knex;
  /**
   * A pool for the same database, which tests give to a plugin. Its role has only the privileges that the manifest declares.
   */
  readonly pluginDb: Knex;
  /** Ends the pools and drops the database, even if there are other connections to it. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Whether the database has the data of the recorded Dendrite. Otherwise its tables are empty. @defaultValue false */
  readonly fixture?: boolean;
  /** Whether the plugin's own tables already exist. Without them, the start of the plugin creates them. @defaultValue true */
  readonly migrated?: boolean;
  /**
   * A database to copy. The copy needs a database without connections, so the pool `db` of this database is destroyed.
   * @defaultValue no database is copied
   */
  readonly copyOf?: TestDatabase;
  /** Size of the pool `db`. @defaultValue 10 */
  readonly poolSize?: number;
}

/** SQLSTATE object_in_use: there is a connection to the template, for example of autovacuum. */
const OBJECT_IN_USE = '55006';
const CLONE_ATTEMPTS = 50;

async function clone(admin: string, template: string, name: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await withAdmin(admin, (client) =>
        client.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`),
      );
      return;
    } catch (error) {
      const isBusy = error instanceof DatabaseError && error.code === OBJECT_IN_USE;
      if (!isBusy || attempt === CLONE_ATTEMPTS) throw error;
      await delay(100);
    }
  }
}

/** Tables that contain secrets or searchable texts on purpose. They are not recorded. */
const KEPT_OUT = ['registration_nonces', 'search_documents%'];

/** Records the content of the plugin's own tables, so that a test can look for secrets in it. */
async function recordTables(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT quote_ident(tablename) AS name FROM pg_tables
       WHERE schemaname = 'matrix_admin' AND tablename NOT LIKE ALL ($1)`,
      [KEPT_OUT],
    );
    if (tables.length === 0) return;
    const selects = tables.map(({ name }) => `SELECT t::text AS entry FROM matrix_admin.${name} t`);
    const { rows } = await client.query<{ entry: string }>(selects.join(' UNION ALL '));
    for (const { entry } of rows) recordOutput('record', entry);
  } finally {
    await client.end();
  }
}

/** Creates a separate database with the homeserver's tables. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { admin, prefix } = inject('databases');
  const name = `${prefix}_${randomUUID().replaceAll('-', '')}`;
  const { copyOf, fixture = false, migrated = true } = options;
  const template =
    copyOf === undefined ? templateName(prefix, { fixture, migrated }) : databaseName(copyOf.connectionString);
  await clone(admin, template, name);
  const connectionString = connectionStringFor(admin, name);
  const poolOf = (connection: string): Knex =>
    knex({ client: 'pg', connection, pool: { min: 0, max: options.poolSize ?? 10 } });
  const db = poolOf(connectionString);
  const pluginDb = poolOf(connectionStringOfRole(connectionString, prefix));
  return {
    connectionString,
    db,
    pluginDb,
    drop: async () => {
      await recordTables(connectionString);
      await Promise.all([db.destroy(), pluginDb.destroy()]);
      await withAdmin(admin, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}
