import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RoomId, UserId } from '../../src/ids.ts';
import type { Job } from '../../src/jobs/job.ts';
import { type AdminPlugin, createAdminPlugin } from '../../src/plugin.ts';
import { generateSampleEvents } from '../../src/reference-host/sample-events.ts';
import { findJob, insertJob } from '../../src/storage/plugin/jobs.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createSigningKey, SERVER_NAME } from '../support/dendrite-server.ts';
import { indexedTexts, ROOM } from '../support/event-rows.ts';
import {
  HOMESERVER_PROGRAM,
  killProcess,
  PLUGIN_PROGRAM,
  startProcess as startKillable,
} from '../support/killable-process.ts';
import { startLiveWriter } from '../support/live-writer.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { until } from '../support/search-plugin.ts';

const LEASE_MS = 600;
/** Number of kills. `KILLS=20` runs the long version. */
const KILLS = Number(process.env['KILLS'] ?? 2);
const SEED = Number(process.env['KILL_SEED'] ?? 20_260_101);
const EVENTS = 20_000;
const LONGEST_LIFE_MS = 1_500;

/** The events that each test begins with. */
let generated: TestDatabase;
let directory: string;
let database: TestDatabase;
let db: Knex;
/** A plugin that applies changes and searches. It is never started, so it runs no jobs. */
let admin: AdminPlugin;
let children: ChildProcess[] = [];
let random: () => number;

beforeAll(async () => {
  generated = await createTestDatabase();
  const senders = ['@user:localhost' as UserId] as const;
  await generateSampleEvents(generated.db, { count: EVENTS, rooms: [{ roomId: ROOM as RoomId, senders }], seed: 11 });
  await generated.db.destroy();
});
afterAll(() => generated.drop());

beforeEach(async () => {
  directory = await makeScratchDirectory('kill-');
  database = await createTestDatabase({ copyOf: generated });
  ({ db } = database);
  admin = createAdminPlugin({ serverName: SERVER_NAME, db, signingKeys: [createSigningKey()] });
  let state = SEED;
  random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
});
afterEach(async () => {
  await Promise.all(children.map(killProcess));
  children = [];
  await admin.stop();
  await database.drop();
  await rm(directory, { recursive: true });
});

async function startProcess(program = PLUGIN_PROGRAM): Promise<ChildProcess> {
  const settings = { databaseUrl: database.connectionString, directory, leaseMs: LEASE_MS };
  const child = await startKillable(program, settings);
  children.push(child);
  return child;
}

async function queueReindex(): Promise<string> {
  const job = {
    kind: 'reindexFulltext',
    dedupeKey: 'reindexFulltext ',
    input: {},
    createdBy: 'test',
    requestId: 'test',
  };
  return (await insertJob(db, job)).id;
}

async function jobOf(id: string): Promise<Job> {
  const job = await findJob(db, id);
  if (job === undefined) throw new Error('the job is gone');
  return job;
}

async function ended(id: string): Promise<Job> {
  await until(async () => (await jobOf(id)).finishedAt !== undefined, 30_000);
  return jobOf(id);
}

/** Adds a document that a reindex does not create. A search finds it only while the old index answers. */
async function markIndex(): Promise<void> {
  const document = { event_id: '$old:x', room_id: ROOM, sender: '@a:x', stream_position: 1, key: 'content.body' };
  await db('matrix_admin.search_documents')
    .insert({ ...document, text: 'outdated', lexemes: `'outdated':1` })
    .onConflict('event_id')
    .ignore();
}

async function findsMark(): Promise<boolean> {
  const { hits } = await admin.search.search({ term: 'outdated', rooms: [ROOM as RoomId] });
  return hits.length > 0;
}

/** Returns the texts of the generated events, by event id. */
async function generatedTexts(): Promise<Record<string, string>> {
  const rows = await db('public.syncapi_output_room_events').select('event_id', 'headered_event_json');
  return Object.fromEntries(rows.map((row) => [row.event_id, JSON.parse(row.headered_event_json).content.body]));
}

async function rebuildsUnderWay(): Promise<number> {
  const { rows } = await db.raw(
    `SELECT relname FROM pg_class WHERE relnamespace = 'matrix_admin'::regnamespace
       AND relkind = 'r' AND relname LIKE 'search\\_documents\\_%'`,
  );
  return rows.length;
}

describe('kill -9', () => {
  it(
    'at any moment of a reindex loses nothing, and the job resumes by itself',
    async () => {
      const before = await generatedTexts();
      let child = await startProcess();
      const writer = startLiveWriter({ db, admin, name: 'live', roomId: ROOM, others: Object.keys(before), random });
      let interrupted = 0;
      let id = '';
      for (let killed = 0; killed < KILLS; killed++) {
        if (id === '' || (await jobOf(id)).finishedAt !== undefined) {
          await markIndex();
          id = await queueReindex();
        }
        await delay(random() * LONGEST_LIFE_MS);
        await killProcess(child);
        const job = await jobOf(id);
        if (job.finishedAt === undefined) interrupted += 1;
        const hasSwapped = job.finishedAt !== undefined || (job.phase === 'swap' && (await rebuildsUnderWay()) === 0);
        expect(await findsMark()).toBe(!hasSwapped);
        child = await startProcess();
      }
      const job = await ended(id);
      expect(job).toMatchObject({ state: 'succeeded', error: undefined });
      expect(interrupted).toBeGreaterThanOrEqual(KILLS / 3);
      expect(await findsMark()).toBe(false);
      await writer.stop();
      const expected = writer.expected(before);
      const disturbed = await indexedTexts(db);
      expect(disturbed).toEqual(expected);
      expect(await rebuildsUnderWay()).toBe(0);

      expect(await ended(await queueReindex())).toMatchObject({ state: 'succeeded', attempts: 1 });
      expect(await indexedTexts(db)).toEqual(disturbed);
      expect(await db('matrix_admin.search_changes')).toEqual([]);
    },
    30_000 + KILLS * 4_000,
  );

  it('of one of two processes that share a reindex does not stop the reindex', async () => {
    const before = await generatedTexts();
    const [one, other] = await Promise.all([startProcess(), startProcess()]);
    const writer = startLiveWriter({ db, admin, name: 'live', roomId: ROOM, others: Object.keys(before), random });
    const id = await queueReindex();
    const workers = async (): Promise<Set<string>> =>
      new Set((await db('matrix_admin.job_ranges').pluck('workers')).flat());
    await until(async () => (await workers()).size === 2);
    await killProcess(random() < 0.5 ? one : other);
    expect(await ended(id)).toMatchObject({ state: 'succeeded', result: { processes: 2 } });
    await writer.stop();
    expect(await indexedTexts(db)).toEqual(writer.expected(before));
  });

  it('of the reference homeserver: the next process resumes the job within 30 s', async () => {
    const before = await generatedTexts();
    const homeserver = await startProcess(HOMESERVER_PROGRAM);
    await markIndex();
    const id = await queueReindex();
    await until(async () => (await jobOf(id)).done > 0);
    await killProcess(homeserver);
    const killed = await jobOf(id);
    expect(killed).toMatchObject({ state: 'running', attempts: 1 });
    expect(await findsMark()).toBe(true);
    await startProcess(HOMESERVER_PROGRAM);
    expect(await ended(id)).toMatchObject({ state: 'succeeded', attempts: 2, done: EVENTS });
    expect(await indexedTexts(db)).toEqual(before);
  }, 60_000);
});
