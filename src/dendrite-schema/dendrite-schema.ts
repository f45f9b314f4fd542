import type { Knex } from 'knex';
import { transact } from '../storage/transact.ts';
import { FEDERATION } from './federation.ts';
import { KEYSERVER } from './keyserver.ts';
import { OTHERS } from './others.ts';
import { ROOMSERVER } from './roomserver.ts';
import { SYNCAPI } from './syncapi.ts';
import { USERAPI } from './userapi.ts';

/** A migration that creates the tables of one or two components of Dendrite. */
export interface DendriteMigration extends Knex.Migration {
  readonly name: string;
  /** The migration always runs in a transaction, even if the host runs its own migrations without transactions. */
  readonly config: { readonly transaction: true };
}

/**
 * Key of an advisory lock. `ensureDendriteSchema()` holds this lock while it checks for the tables and creates them, so that no
 * other process creates the tables at the same time.
 */
const LOCK_KEY = 0x6468_7363; // "dhsc"

/** Runs `work` with PostgreSQL's search path set to `public`, and then restores the transaction's search path. */
async function inPublic(transaction: Knex, work: () => Promise<unknown>): Promise<void> {
  const { rows } = await transaction.raw<{ rows: { path: string }[] }>(`SELECT current_setting('search_path') AS path`);
  await transaction.raw('SET LOCAL search_path TO public');
  await work();
  await transaction.raw(`SELECT set_config('search_path', ?, true)`, [rows[0]?.path ?? '']);
}

/** Returns a migration that runs `sql` in the schema `public`. The migration cannot be undone. */
function creates(name: string, sql: string): DendriteMigration {
  return {
    name,
    config: { transaction: true },
    up: (transaction) => inPublic(transaction, async () => transaction.raw(sql)),
    down: () => Promise.reject(new Error(`${name}: the homeserver's data is not dropped`)),
  };
}

const ALL: readonly DendriteMigration[] = [
  creates('0001-others', OTHERS),
  creates('0002-roomserver', ROOMSERVER),
  creates('0003-syncapi', SYNCAPI),
  creates('0004-userapi', USERAPI),
  creates('0005-keyserver', KEYSERVER),
  creates('0006-federation', FEDERATION),
];

/**
 * Knex migrations that create the tables, sequences and indexes of Dendrite 0.15 for PostgreSQL, in the schema `public`. These
 * migrations need a migration table that is not the one of the homeserver's own migrations: `db.migrate.latest({
 * migrationSource: dendriteSchema, tableName: 'dendrite_schema_migrations' })`. The migrations never drop anything, so Knex's
 * `rollback()` fails.
 */
export const dendriteSchema: Knex.MigrationSource<DendriteMigration> = {
  getMigrations: async () => [...ALL],
  getMigrationName: (migration) => migration.name,
  getMigration: async (migration) => migration,
};

/** The Knex settings with which `ensureDendriteSchema()` runs the migrations. */
export const dendriteSchemaConfig: Knex.MigratorConfig = {
  migrationSource: dendriteSchema,
  tableName: 'dendrite_schema_migrations',
};

/**
 * Runs those migrations of `dendriteSchema` that have not run yet. Changes nothing if Dendrite itself has created its tables in
 * the schema `public`. Processes that call this function at the same time wait for each other. The table
 * `public.dendrite_schema_migrations` lists the migrations that have run.
 */
export async function ensureDendriteSchema(db: Knex): Promise<void> {
  await transact(db, (transaction) =>
    inPublic(transaction, async () => {
      await transaction.raw('SELECT pg_advisory_xact_lock(?)', [LOCK_KEY]);
      const hasTables = await transaction.schema.hasTable('roomserver_rooms');
      const areOurs = await transaction.schema.hasTable(dendriteSchemaConfig.tableName ?? '');
      if (!hasTables || areOurs) await transaction.migrate.latest(dendriteSchemaConfig);
    }),
  );
}
