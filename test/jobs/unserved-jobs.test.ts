import type { Knex } from 'knex';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AdminPluginOptions } from '../../src/config.ts';
import { generateSampleEvents } from '../../src/reference-host/sample-events.ts';
import { postgresSearch } from '../../src/search/postgres/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ROOM } from '../support/event-rows.ts';
import { createGatedSearch } from '../support/gated-search.ts';
import { jsonOf } from '../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { startPlugin } from '../support/search-plugin.ts';
import { loseLeader, queueJob } from '../support/test-jobs.ts';

const JOBS = '/_dendrite/admin/jobs';
const UNSERVED = 'of another version';

let database: TestDatabase;
let db: Knex;
let plugin: MountedPlugin;
beforeEach(async () => {
  database = await createTestDatabase({ fixture: true });
  ({ db } = database);
  plugin = await mount();
});
afterEach(async () => {
  await plugin.close();
  await database.drop();
});

const mount = (options: AdminPluginOptions = {}): Promise<MountedPlugin> =>
  mountPlugin({ database, options: { search: false, ...options, jobs: { pollIntervalMs: 50, ...options.jobs } } });

/** Restarts the homeserver. A process looks for jobs that no process can run when it starts. */
async function restart(options: AdminPluginOptions = {}): Promise<void> {
  await plugin.close();
  plugin = await mount(options);
}

const update = (id: string, fields: Record<string, unknown>): PromiseLike<unknown> =>
  db('matrix_admin.jobs').where({ id }).update(fields);
const show = async (id: string): Promise<Record<string, unknown>> => jsonOf(await plugin.asAdmin(`${JOBS}/${id}`));
const cancel = async (id: string): Promise<Record<string, unknown>> =>
  jsonOf(await plugin.asAdmin(`${JOBS}/${id}/cancel`, { method: 'POST' }));
const audits = (id: string): PromiseLike<Record<string, unknown>[]> =>
  db('matrix_admin.audit').where({ job_id: id }).whereNot({ outcome: 'queued' }).select('operation', 'outcome');
const oldestAge = (kind: string): Promise<number> => plugin.metric('matrix_admin_job_oldest_age_seconds', { kind });

/** Starts a rebuild of the search index, and stops the process in the middle, so that the job can be resumed. */
async function handBackReindex(): Promise<string> {
  const gate = createGatedSearch();
  gate.close('load');
  const indexing = await startPlugin(db, { search: gate.adapter });
  await generateSampleEvents(db, {
    count: 50,
    rooms: [{ roomId: ROOM as never, senders: ['@user:localhost' as never] }],
    seed: 1,
  });
  const id = await indexing.startReindex();
  await expect.poll(() => gate.reached('load')).toBeGreaterThan(0);
  const stopped = indexing.stop();
  await expect.poll(async () => (await db('matrix_admin.jobs').where({ id }).first('state')).state).toBe('running');
  gate.open();
  await stopped;
  return id;
}

it('a rebuild whose search was switched off is shown, is cancelled at once, and is cleaned up when search is on again', async () => {
  const id = await handBackReindex();
  const tables = async (): Promise<number> =>
    (await db.raw(`SELECT 1 FROM pg_tables WHERE tablename LIKE 'search_documents\\_%'`)).rows.length;
  const rebuild = async (): Promise<unknown> =>
    (await db('matrix_admin.search_indexes').first('rebuild_id')).rebuild_id;
  expect(await show(id)).toMatchObject({ id, kind: 'reindexFulltext', state: 'queued', attempts: 1 });
  expect(jsonOf(await plugin.asAdmin(`${JOBS}?kind=reindexFulltext`))).toMatchObject({ jobs: [{ id }] });
  expect(await oldestAge('reindexFulltext')).toBeGreaterThan(0);

  expect(await cancel(id)).toMatchObject({ id, state: 'cancelled', finished_ts: expect.any(Number) });
  await expect.poll(() => oldestAge('reindexFulltext')).toBe(0);
  expect(await audits(id)).toEqual([{ operation: 'reindexFulltext', outcome: 'cancelled' }]);
  expect(await db('matrix_admin.job_ranges')).toEqual([]);
  expect([await tables(), await rebuild()]).toEqual([1, id]);

  const indexing = await startPlugin(db);
  await expect.poll(async () => [await tables(), await rebuild()]).toEqual([0, null]);
  await expect.poll(() => db('matrix_admin.jobs').where({ needs_clean_up: true })).toEqual([]);
  expect((await indexing.reindex()).state).toBe('succeeded');
  await indexing.stop();
});

it.each<[string, (id: string) => PromiseLike<unknown>]>([
  ['that nobody has begun', async () => {}],
  ['that waits to be tried again', (id) => update(id, { attempts: 2, run_after: db.raw(`now() + interval '1 hour'`) })],
  ['whose process is dead', (id) => loseLeader(db, id)],
])('a job of a kind that no process serves %s is cancelled at once', async (_which, prepare) => {
  const id = await queueJob(db, UNSERVED);
  await prepare(id);
  expect(await cancel(id)).toMatchObject({ state: 'cancelled', cancel_requested: true });
  expect(await audits(id)).toEqual([{ operation: UNSERVED, outcome: 'cancelled' }]);
  await expect.poll(() => oldestAge(UNSERVED)).toBe(0);
});

it('a job led by another process stays with it, and ends if that process dies', async () => {
  const id = await queueJob(db, UNSERVED);
  await loseLeader(db, id);
  await update(id, { lease_until: db.raw(`now() + interval '1 min'`) });
  expect(await cancel(id)).toMatchObject({ state: 'running', cancel_requested: true });
  await restart();
  expect(await show(id)).toMatchObject({ state: 'running' });
  await loseLeader(db, id);
  await restart();
  await expect.poll(() => show(id)).toMatchObject({ state: 'cancelled' });
  expect(await audits(id)).toEqual([{ operation: UNSERVED, outcome: 'cancelled' }]);
});

it('a job that an older version has left cancelled but queued ends', async () => {
  const id = await queueJob(db, UNSERVED);
  await update(id, { attempts: 1, cancel_requested: true });
  await restart();
  await expect.poll(() => show(id)).toMatchObject({ state: 'cancelled' });
});

it('a job that no process serves for the retention time fails', async () => {
  const jobs = { retentionMs: 60_000 };
  // The plugin stops first. Otherwise, it would run the job of a kind that it knows before the job is prepared.
  await plugin.close();
  const [due, dead, waiting, served] = [
    await queueJob(db, UNSERVED),
    await queueJob(db, UNSERVED),
    await queueJob(db, UNSERVED),
    await queueJob(db, 'evacuateRoom'),
  ];
  const longAgo = db.raw(`now() - interval '61 s'`);
  await loseLeader(db, dead);
  await update(due, { run_after: longAgo });
  await update(dead, { run_after: longAgo, lease_until: longAgo });
  await update(waiting, { run_after: db.raw(`now() - interval '50 s'`), created_at: longAgo });
  // This input ends the job at its first attempt. After any other failure, the job would be tried again.
  await update(served, { run_after: longAgo, input: JSON.stringify({ roomId: ROOM }) });
  plugin = await mount({ jobs });
  for (const id of [due, dead]) {
    await expect
      .poll(() => show(id))
      .toMatchObject({
        state: 'failed',
        error: 'no process of this homeserver does jobs of this kind',
        errcode: 'M_UNRECOGNIZED',
      });
    expect(await audits(id)).toEqual([{ operation: UNSERVED, outcome: 'failed' }]);
  }
  expect(await show(waiting)).toMatchObject({ state: 'queued' });
  await expect.poll(() => show(served)).toMatchObject({ attempts: 1 });
});

it('a reindex queued by an older version runs under its new name', async () => {
  const id = await queueJob(db, 'fulltextReindex');
  await db('matrix_admin.migrations').where({ name: '0013-reindex-jobs' }).delete();
  await restart({ search: postgresSearch() });
  expect(await plugin.admin.jobs.wait(id)).toMatchObject({ kind: 'reindexFulltext', state: 'succeeded' });
});
