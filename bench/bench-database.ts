import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import knex, { type Knex } from 'knex';
import { ensureDendriteSchema } from '../src/dendrite-schema/index.ts';
import type { RoomId, UserId } from '../src/ids.ts';
import { startEmbeddedPostgres } from '../src/reference-host/embedded-postgres.ts';
import { generateSampleEvents, type SampleRoom } from '../src/reference-host/sample-events.ts';

export interface BenchDatabase {
  readonly connectionString: string;
  readonly db: Knex;
}

const roomOf = (index: number): SampleRoom => ({
  roomId: `!bench${index}:localhost` as RoomId,
  senders: [`@user${index}:localhost` as UserId, `@other${index}:localhost` as UserId],
});

/** Runs `work` on an embedded PostgreSQL that has its default settings and an empty database. */
export function withEmptyDatabase<T>(work: (db: Knex) => Promise<T>): Promise<T> {
  return withServer(({ db }) => work(db));
}

/** Runs `work` on an embedded PostgreSQL that has its default settings and this many searchable events. */
export function withBenchDatabase<T>(events: number, work: (database: BenchDatabase) => Promise<T>): Promise<T> {
  return withServer(async (database) => {
    const { db } = database;
    await ensureDendriteSchema(db);
    const rooms = Array.from({ length: 299 }, (_, index) => roomOf(index + 1));
    await generateSampleEvents(db, { count: events, rooms: [roomOf(0), ...rooms], seed: 1 });
    await db.raw('VACUUM (ANALYZE) public.syncapi_output_room_events');
    return await work(database);
  });
}

async function withServer<T>(work: (database: BenchDatabase) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'koa-matrix-admin-bench-'));
  const postgres = await startEmbeddedPostgres({ dataDir });
  const db = knex({ client: 'pg', connection: postgres.connectionString, pool: { min: 0, max: 10 } });
  try {
    return await work({ connectionString: postgres.connectionString, db });
  } finally {
    await db.destroy();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
