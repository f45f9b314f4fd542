import type { Knex } from 'knex';
import { dendriteSchemaConfig } from './src/dendrite-schema/dendrite-schema.ts';
import { migrationConfig } from './src/migrations/migrations.ts';

const connection = process.env['DATABASE_URL'] ?? '';

/** The reference homeserver's tables: what `knex migrate:latest` works on unless told otherwise. */
export const development: Knex.Config = { client: 'pg', connection, migrations: dendriteSchemaConfig };

/** The plugin's tables, `knex --env plugin`. */
export const plugin: Knex.Config = { client: 'pg', connection, migrations: migrationConfig };
