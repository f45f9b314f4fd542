import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import knex, { type Knex } from 'knex';
import { ensureDendriteSchema } from '../src/dendrite-schema/index.ts';
import { type AdminPlugin, createAdminPlugin } from '../src/index.ts';
import { startEmbeddedPostgres } from '../src/reference-host/embedded-postgres.ts';
import { migrateOwnSchema } from '../src/storage/database.ts';
import { fillLargeRoom } from './large-room.ts';
import { type BenchResult, median, report, rounded } from './report.ts';
import { SERVER_NAME, SIGNING_KEY } from './room-data.ts';

/** A purge of the large room, and the SQL statements with which the bench compares the purge. */
export interface LargeRoomPurge {
  /** Name of the operation. */
  readonly name: string;
  readonly purge: (admin: AdminPlugin, db: Knex) => Promise<unknown>;
  /** Returns SQL statements that delete the same rows as the purge. The bench runs them in one transaction. */
  readonly pureSql: (events: number) => readonly string[];
  /** Changes the filled database before it is copied. */
  readonly prepare?: (db: Knex) => Promise<unknown>;
  /** How often the bench measures both. The times are medians. @defaultValue 1 */
  readonly turns?: number;
}

/** The tables from which a purge of the large room deletes. */
const PURGED = [
  'matrix_admin.search_documents',
  'public.roomserver_event_json',
  'public.roomserver_events',
  'public.roomserver_previous_events',
  'public.roomserver_redactions',
  'public.roomserver_state_block',
  'public.roomserver_state_snapshots',
  'public.syncapi_backward_extremities',
  'public.syncapi_output_room_events',
  'public.syncapi_output_room_events_topology',
  'public.syncapi_relations',
] as const;

const connect = (connection: string): Knex => knex({ client: 'pg', connection, pool: { min: 0, max: 8 } });

function databaseOf(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

interface PurgeTimes {
  readonly ms: number;
  readonly longestStepMs: number;
  readonly memoryBytes: number;
}

/** Returns the age of the oldest open transaction of all other sessions, in ms. */
async function oldestTransactionMs(db: Knex): Promise<number> {
  const { rows } = await db.raw(
    `SELECT max(extract(epoch FROM clock_timestamp() - xact_start))::float8 * 1000 AS ms FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
  return rows[0].ms ?? 0;
}

async function timePurge(db: Knex, { purge }: LargeRoomPurge): Promise<PurgeTimes> {
  const admin = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys: [SIGNING_KEY] });
  await admin.start();
  let longestStepMs = 0;
  let isWatching = true;
  const watching = (async (): Promise<void> => {
    while (isWatching) {
      longestStepMs = Math.max(longestStepMs, await oldestTransactionMs(db));
      await delay(50);
    }
  })();
  const before = process.memoryUsage().rss;
  let peak = before;
  const sample = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 50);
  const startedAt = performance.now();
  await purge(admin, db);
  const ms = performance.now() - startedAt;
  isWatching = false;
  await watching;
  clearInterval(sample);
  await admin.stop();
  return { ms, longestStepMs, memoryBytes: peak - before };
}

async function timePureSql(db: Knex, statements: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  await db.transaction(async (transaction) => {
    for (const statement of statements) await transaction.raw(statement);
  });
  return performance.now() - startedAt;
}

/** Returns the number of rows and a hash of all rows of each table. */
async function remainsOf(db: Knex): Promise<string> {
  const rows = await Promise.all(
    PURGED.map(async (table) => {
      const result = await db.raw(`SELECT count(*), sum(hashtextextended(t::text, 0)) AS hash FROM ${table} t`);
      return `${table}: ${JSON.stringify(result.rows[0])}`;
    }),
  );
  return rows.join('\n');
}

async function measure(server: string, events: number, operation: LargeRoomPurge): Promise<BenchResult> {
  const admin = connect(server);
  try {
    await admin.raw('CREATE DATABASE filled');
    const db = connect(databaseOf(server, 'filled'));
    await ensureDendriteSchema(db);
    await migrateOwnSchema(db);
    await fillLargeRoom(db, events);
    await operation.prepare?.(db);
    await db.destroy();
    const onCopy = async <T>(name: string, work: (copy: Knex) => Promise<T>): Promise<T> => {
      await admin.raw(`CREATE DATABASE ${name} TEMPLATE filled`);
      const copy = connect(databaseOf(server, name));
      try {
        await copy.raw('CHECKPOINT');
        return await work(copy);
      } finally {
        await copy.destroy();
        await admin.raw(`DROP DATABASE ${name}`);
      }
    };
    const baselines: number[] = [];
    const ours: PurgeTimes[] = [];
    for (let turn = 0; turn < (operation.turns ?? 1); turn += 1) {
      const afterSql = await onCopy('pure_sql', async (copy) => {
        baselines.push(await timePureSql(copy, operation.pureSql(events)));
        return remainsOf(copy);
      });
      const afterPurge = await onCopy('ours', async (copy) => {
        ours.push(await timePurge(copy, operation));
        return remainsOf(copy);
      });
      if (afterPurge !== afterSql) throw new Error(`other rows remain after pure SQL:\n${afterSql}\n${afterPurge}`);
    }
    const baseline = median(baselines);
    const ms = median(ours.map((turn) => turn.ms));
    const longestStepMs = Math.max(...ours.map((turn) => turn.longestStepMs));
    const memoryBytes = Math.max(...ours.map((turn) => turn.memoryBytes));
    const shown = (times: readonly number[]): string => times.map((time) => `${Math.round(time)} ms`).join(', ');
    console.log(
      `${events} events: ${shown(ours.map((turn) => turn.ms))}, pure SQL ${shown(baselines)}, ` +
        `longest step ${Math.round(longestStepMs)} ms, memory +${Math.round(memoryBytes / 1024 / 1024)} MiB`,
    );
    await admin.raw('DROP DATABASE filled');
    return {
      name: `${operation.name}-${events}`,
      value: rounded(ms / 1_000),
      unit: 's',
      baseline: rounded(baseline / 1_000),
      ratio: rounded(baseline / ms),
    };
  } finally {
    await admin.destroy();
  }
}

/**
 * Runs a purge on rooms of these sizes, and reports how it compares with pure SQL on another copy of the same database. Also
 * measures the longest step and the growth of memory.
 */
export async function benchLargeRoomPurge(
  bench: string,
  sizes: readonly number[],
  operation: LargeRoomPurge,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'koa-matrix-admin-bench-'));
  // Autovacuum could begin during one of the two deletions, and slow this one down only.
  const postgres = await startEmbeddedPostgres({ dataDir, settings: { autovacuum: 'off' } });
  try {
    const results: BenchResult[] = [];
    for (const events of sizes) results.push(await measure(postgres.connectionString, events, operation));
    report(bench, results);
  } finally {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
