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
import { type BenchResult, report, rounded } from './report.ts';
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
}

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
    const baseline = await onCopy('pure_sql', (copy) => timePureSql(copy, operation.pureSql(events)));
    const { ms, longestStepMs, memoryBytes } = await onCopy('ours', (copy) => timePurge(copy, operation));
    console.log(
      `${events} events: ${Math.round(ms)} ms, pure SQL ${Math.round(baseline)} ms, longest step ${Math.round(longestStepMs)} ms, ` +
        `memory +${Math.round(memoryBytes / 1024 / 1024)} MiB`,
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
  const postgres = await startEmbeddedPostgres({ dataDir });
  try {
    const results: BenchResult[] = [];
    for (const events of sizes) results.push(await measure(postgres.connectionString, events, operation));
    report(bench, results);
  } finally {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
