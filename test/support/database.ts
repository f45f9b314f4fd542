import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import knex, { type Knex } from 'knex';
import { DatabaseError } from 'pg';
import { inject } from 'vitest';
import { connectionStringFor, templateName, withAdmin } from './test-databases.ts';

export interface TestDatabase {
  readonly connectionString: string;
  readonly db: Knex;
  /** Ends the pool and drops the database, whoever else is still connected to it. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** With what a real Dendrite recorded, else with empty tables. @defaultValue false */
  readonly fixture?: boolean;
  /** Connections of `db`. @defaultValue 10 */
  readonly poolSize?: number;
}

/** SQLSTATE object_in_use: somebody, autovacuum for one, is connected to the template. */
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

/** A database of the caller's own with the homeserver's tables. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { admin, prefix } = inject('databases');
  const name = `${prefix}_${randomUUID().replaceAll('-', '')}`;
  await clone(admin, templateName(prefix, options.fixture ?? false), name);
  const connectionString = connectionStringFor(admin, name);
  const db = knex({ client: 'pg', connection: connectionString, pool: { min: 0, max: options.poolSize ?? 10 } });
  return {
    connectionString,
    db,
    drop: async () => {
      await db.destroy();
      await withAdmin(admin, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}
