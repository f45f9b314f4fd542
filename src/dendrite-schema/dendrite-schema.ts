import type { Knex } from 'knex';
import { transact } from '../storage/transact.ts';
import { FEDERATION } from './federation.ts';
import { KEYSERVER } from './keyserver.ts';
import { OTHERS } from './others.ts';
import { ROOMSERVER } from './roomserver.ts';
import { SYNCAPI } from './syncapi.ts';
import { USERAPI } from './userapi.ts';

/** Creates the tables of one of Dendrite's components. */
export interface DendriteMigration extends Knex.Migration {
  readonly name: string;
  /** The migration always runs in a transaction, even if the host runs its own migrations without one. */
  readonly config: { readonly transaction: true };
}

/** Key of the advisory lock under which only one process at a time checks and creates the tables. */
const LOCK_KEY = 0x6468_7363; // "dhsc"

/** Runs `work` with `public` as the search path, then restores the transaction's search path. */
async function inPublic(transaction: Knex, work: () => Promise<unknown>): Promise<void> {
  const { rows } = await transaction.raw<{ rows: { path: string }[] }>(`SELECT current_setting('search_path') AS path`);
  await transaction.raw('SET LOCAL search_path TO public');
  await work();
  await transaction.raw(`SELECT set_config('search_path', ?, true)`, [rows[0]?.path ?? '']);
}

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
 * Creates the tables, sequences and indexes of Dendrite 0.15's PostgreSQL schema in the schema `public`, one migration for each
 * component. Pass it to Knex with a migration table that holds no migrations of yours:
 * `db.migrate.latest({ migrationSource: dendriteSchema, tableName: 'dendrite_schema_migrations' })`. Nothing is ever
 * dropped: `rollback()` fails.
 */
export const dendriteSchema: Knex.MigrationSource<DendriteMigration> = {
  getMigrations: async () => [...ALL],
  getMigrationName: (migration) => migration.name,
  getMigration: async (migration) => migration,
};

/** The Knex settings of `ensureDendriteSchema()`. */
export const dendriteSchemaConfig: Knex.MigratorConfig = {
  migrationSource: dendriteSchema,
  tableName: 'dendrite_schema_migrations',
};

/**
 * Creates the tables of `dendriteSchema`. If a Dendrite has already created its tables in the schema `public`, they are used
 * unchanged. Processes that start together wait for each other. `public.dendrite_schema_migrations` lists the migrations that
 * have run.
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
