/**
 * Purges a room of 100,000 events and one of 1,000,000 events. Baseline: the same deletions, with one SQL statement for each
 * table, in one transaction. Both run on copies of one database. Also measures the longest step and the growth of memory use.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import knex, { type Knex } from 'knex';
import { ensureDendriteSchema } from '../src/dendrite-schema/index.ts';
import type { RoomId } from '../src/ids.ts';
import { createAdminPlugin } from '../src/index.ts';
import { startEmbeddedPostgres } from '../src/reference-host/embedded-postgres.ts';
import { migrateOwnSchema } from '../src/storage/database.ts';
import { fillLargeRoom, LARGE_ROOM, PURE_SQL } from './large-room.ts';
import { type BenchResult, report, rounded } from './report.ts';
import { SERVER_NAME, SIGNING_KEY } from './room-data.ts';

const SIZES = (process.env.BENCH_SIZES ?? '100000,1000000').split(',').map(Number);

const connect = (connection: string): Knex => knex({ client: 'pg', connection, pool: { min: 0, max: 8 } });

function databaseOf(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function timePureSql(db: Knex): Promise<number> {
  const startedAt = performance.now();
  await db.transaction(async (transaction) => {
    for (const statement of PURE_SQL) await transaction.raw(statement);
  });
  return performance.now() - startedAt;
}

interface PurgeTimes {
  readonly ms: number;
  readonly longestStepMs: number;
  readonly memoryBytes: number;
}

/** Returns the age of the oldest transaction of other sessions, in ms. */
async function oldestTransactionMs(db: Knex): Promise<number> {
  const { rows } = await db.raw(
    `SELECT max(extract(epoch FROM clock_timestamp() - xact_start))::float8 * 1000 AS ms FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
  return rows[0].ms ?? 0;
}

async function timePurge(db: Knex): Promise<PurgeTimes> {
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
  const input = { roomId: LARGE_ROOM as RoomId };
  await admin.operations.purgeRoom(input, { actor: { kind: 'system', name: 'bench' } });
  const ms = performance.now() - startedAt;
  isWatching = false;
  await watching;
  clearInterval(sample);
  await admin.stop();
  return { ms, longestStepMs, memoryBytes: peak - before };
}

async function measure(server: string, events: number): Promise<BenchResult> {
  const admin = connect(server);
  try {
    await admin.raw('CREATE DATABASE filled');
    const db = connect(databaseOf(server, 'filled'));
    await ensureDendriteSchema(db);
    await migrateOwnSchema(db);
    await fillLargeRoom(db, events);
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
    const baseline = await onCopy('pure_sql', timePureSql);
    const { ms, longestStepMs, memoryBytes } = await onCopy('ours', timePurge);
    console.log(
      `${events} events: ${Math.round(ms)} ms, pure SQL ${Math.round(baseline)} ms, longest step ${Math.round(longestStepMs)} ms, ` +
        `memory +${Math.round(memoryBytes / 1024 / 1024)} MiB`,
    );
    await admin.raw('DROP DATABASE filled');
    return {
      name: `purgeRoom-${events}`,
      value: rounded(ms / 1_000),
      unit: 's',
      baseline: rounded(baseline / 1_000),
      ratio: rounded(baseline / ms),
    };
  } finally {
    await admin.destroy();
  }
}

const dataDir = await mkdtemp(join(tmpdir(), 'koa-matrix-admin-bench-'));
const postgres = await startEmbeddedPostgres({ dataDir });
try {
  const results: BenchResult[] = [];
  for (const events of SIZES) results.push(await measure(postgres.connectionString, events));
  report('purge', results);
} finally {
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
