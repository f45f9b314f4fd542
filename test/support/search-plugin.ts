import { setTimeout as delay } from 'node:timers/promises';
import knex from 'knex';
import type { AdminPluginOptions } from '../../src/config.ts';
import type { Host } from '../../src/host.ts';
import type { RoomId } from '../../src/ids.ts';
import type { JobView } from '../../src/jobs/jobs.ts';
import type { Actor } from '../../src/operations/actor.ts';
import { type AdminPlugin, createAdminPlugin } from '../../src/plugin.ts';
import type { SearchRequest } from '../../src/search/search.ts';
import { createCapturedLogger } from './captured-logger.ts';
import { createTestDatabase, type TestDatabase, type TestDatabaseOptions } from './database.ts';
import { createSigningKey, SERVER_NAME } from './dendrite-server.ts';
import { ROOM } from './event-rows.ts';
import { WAIT_MS } from './wait-ms.ts';

export const TEST_ACTOR: Actor = { kind: 'system', name: 'test' };
const LEASE_MS = 500;

export interface RunningPlugin {
  readonly admin: AdminPlugin;
  readonly logger: ReturnType<typeof createCapturedLogger>;
  /** Starts a reindex, or finds the one that is running. @returns the id of its job */
  readonly startReindex: () => Promise<string>;
  /** Runs a reindex, and waits until it has succeeded, failed or was cancelled. */
  readonly reindex: () => Promise<JobView>;
  /** Returns the ids of all hits, newest first. */
  readonly find: (
    term: string,
    request?: Omit<Partial<SearchRequest>, 'rooms'> & { readonly rooms?: readonly string[] },
  ) => Promise<string[]>;
  readonly stop: () => Promise<void>;
}

/** Starts a plugin that looks for jobs often. */
export async function startPlugin(
  db: Host['db'],
  { jobs, ...options }: AdminPluginOptions = {},
): Promise<RunningPlugin> {
  const logger = createCapturedLogger();
  const admin = createAdminPlugin(
    { serverName: SERVER_NAME, db, signingKeys: [createSigningKey()], logger },
    { jobs: { pollIntervalMs: 50, leaseMs: LEASE_MS, ...jobs }, ...options },
  );
  await admin.start();
  const startReindex = async (): Promise<string> =>
    (await admin.operations.reindexFulltext.start({}, { actor: TEST_ACTOR })).jobId;
  return {
    admin,
    logger,
    startReindex,
    reindex: async () => {
      const jobId = await startReindex();
      for (;;) {
        const job = await admin.operations.getJob({ jobId }, { actor: TEST_ACTOR });
        if (job.finishedTs !== null) return job;
        await delay(5);
      }
    },
    find: async (term, request = {}) => {
      const rooms = (request.rooms ?? [ROOM]) as readonly RoomId[];
      const { hits } = await admin.search.search({ term, order: 'recent', limit: 1_000, ...request, rooms });
      return hits.map(({ eventId }) => eventId);
    },
    stop: () => admin.stop(),
  };
}

export interface PluginOnDatabase extends RunningPlugin {
  readonly database: TestDatabase;
  readonly db: Host['db'];
  /** Stops the plugin, and drops the database. */
  readonly close: () => Promise<void>;
}

/** Starts a plugin on a separate database. */
export async function startPluginOnDatabase(
  options: TestDatabaseOptions = {},
  pluginOptions: AdminPluginOptions = {},
): Promise<PluginOnDatabase> {
  const database = await createTestDatabase(options);
  const plugin = await startPlugin(database.db, pluginOptions);
  return {
    ...plugin,
    database,
    db: database.db,
    close: async () => {
      await plugin.stop();
      await database.drop();
    },
  };
}

/** Starts a second plugin with a pool of its own. For the database, it is another process of the homeserver. */
export async function startNeighbour(
  { connectionString }: TestDatabase,
  options: AdminPluginOptions & { readonly poolSize?: number } = {},
): Promise<RunningPlugin & { readonly db: Host['db'] }> {
  const { poolSize = 10, ...pluginOptions } = options;
  const db = knex({ client: 'pg', connection: connectionString, pool: { min: 0, max: poolSize } });
  const plugin = await startPlugin(db, pluginOptions);
  return {
    ...plugin,
    db,
    stop: async () => {
      await plugin.stop();
      await db.destroy();
    },
  };
}

/** Tells whether a connection to this database is waiting for a lock. */
export async function isSomebodyWaiting(db: Host['db']): Promise<boolean> {
  const { rows } = await db.raw(
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows.length > 0;
}

/** Waits until `condition` is true. @throws Error if it is still false after `timeoutMs` */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = WAIT_MS): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms without success for ${condition.toString()}`);
    await delay(5);
  }
}
