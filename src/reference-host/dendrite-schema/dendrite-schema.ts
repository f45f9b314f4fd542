import type { Knex } from 'knex';
import { FEDERATION } from './federation.ts';
import { KEYSERVER } from './keyserver.ts';
import { OTHERS } from './others.ts';
import { ROOMSERVER } from './roomserver.ts';
import { SYNCAPI } from './syncapi.ts';
import { USERAPI } from './userapi.ts';

interface ComponentMigration extends Knex.Migration {
  readonly name: string;
}

const MIGRATION_TABLE = 'reference_host_migrations';

/** Key of the advisory lock under which one process at a time looks for the tables and makes them. */
const LOCK_KEY = 0x6468_7363; // "dhsc"

function creates(name: string, sql: string): ComponentMigration {
  return {
    name,
    up: async (db) => {
      await db.raw('SET LOCAL search_path TO public');
      await db.raw(sql);
    },
    down: () => Promise.reject(new Error(`${name}: the homeserver's data is not dropped`)),
  };
}

const ALL: readonly ComponentMigration[] = [
  creates('0001-others', OTHERS),
  creates('0002-roomserver', ROOMSERVER),
  creates('0003-syncapi', SYNCAPI),
  creates('0004-userapi', USERAPI),
  creates('0005-keyserver', KEYSERVER),
  creates('0006-federation', FEDERATION),
];

/** Creates the tables of Dendrite 0.15's PostgreSQL schema, one migration per component. */
const dendriteMigrations: Knex.MigrationSource<ComponentMigration> = {
  getMigrations: async () => [...ALL],
  getMigrationName: (migration) => migration.name,
  getMigration: async (migration) => migration,
};

/** Knex's migration settings for the homeserver's tables. */
export const dendriteMigrationConfig: Knex.MigratorConfig = {
  migrationSource: dendriteMigrations,
  tableName: MIGRATION_TABLE,
};

/**
 * Creates the homeserver's tables in the schema `public`. Tables that a Dendrite made are used as they are. Processes
 * that start together wait for each other.
 */
export async function ensureDendriteSchema(db: Knex): Promise<void> {
  await db.transaction(async (transaction) => {
    await transaction.raw('SELECT pg_advisory_xact_lock(?)', [LOCK_KEY]);
    await transaction.raw('SET LOCAL search_path TO public');
    const hasTables = await transaction.schema.hasTable('roomserver_rooms');
    const areOurs = await transaction.schema.hasTable(MIGRATION_TABLE);
    if (!hasTables || areOurs) await transaction.migrate.latest(dendriteMigrationConfig);
  });
}
