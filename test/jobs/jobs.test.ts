import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createJobs, type Jobs, type JobView, viewJob } from '../../src/jobs/jobs.ts';
import { findJob } from '../../src/storage/plugin/jobs.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/search-plugin.ts';
import { queueJob } from '../support/test-jobs.ts';

const UNKNOWN = '01234567-89ab-4def-8123-456789abcdef';

let database: TestDatabase;
let db: Knex;
let jobs: Jobs;
const stopped = new AbortController();

beforeAll(async () => {
  database = await createTestDatabase();
  ({ db } = database);
  jobs = createJobs({ db, stopped: stopped.signal, changes: new EventTarget(), repeatMs: 15_000 });
});
afterAll(() => database.drop());

const update = (id: string, fields: Record<string, unknown>): PromiseLike<unknown> =>
  db('matrix_admin.jobs').where({ id }).update(fields);

async function viewOf(fields: Record<string, unknown>): Promise<JobView> {
  const id = await queueJob(db, 'x');
  await update(id, fields);
  const job = await findJob(db, id);
  if (job === undefined) throw new Error('the job is gone');
  return viewJob(job);
}

describe('wait()', () => {
  it('resolves when the job has ended, whatever its state', async () => {
    for (const state of ['succeeded', 'failed', 'cancelled']) {
      const id = await queueJob(db, 'x');
      const waiting = jobs.wait(id);
      await delay(20);
      await update(id, { state, finished_at: db.fn.now() });
      expect(await waiting).toMatchObject({ id, state });
    }
  });

  it("rejects with the signal's reason when the caller aborts, before or during the wait", async () => {
    const id = await queueJob(db, 'x');
    const reason = new Error('no patience');
    const controller = new AbortController();
    const waiting = jobs.wait(id, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    await expect(waiting).rejects.toBe(reason);
    await expect(jobs.wait(id, { signal: controller.signal })).rejects.toBe(reason);
  });

  it('rejects when the plugin is stopped', async () => {
    const other = new AbortController();
    const { wait } = createJobs({ db, stopped: other.signal, changes: new EventTarget(), repeatMs: 15_000 });
    const waiting = wait(await queueJob(db, 'x'));
    other.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
  });

  it.each([UNKNOWN, 'nonsense', '', "' OR 1=1", `x${UNKNOWN}`, `${UNKNOWN}x`])(
    'rejects for the unknown job %j',
    async (id) => {
      const message = 'no such job; finished jobs are kept for a limited time';
      await expect(jobs.wait(id)).rejects.toMatchObject({ errcode: 'M_NOT_FOUND', status: 404, message });
    },
  );
});

describe('watch()', () => {
  it('yields the job at once, after each change, and at its end', async () => {
    const id = await queueJob(db, 'x');
    const seen: JobView[] = [];
    for await (const job of jobs.watch(id)) {
      seen.push(job);
      if (seen.length === 1) await update(id, { state: 'running', done: 5, total: 10, phase: 'load' });
      if (seen.length === 2) await update(id, { state: 'succeeded', done: 10, finished_at: db.fn.now() });
    }
    expect(seen.map(({ state, percent }) => [state, percent])).toEqual([
      ['queued', null],
      ['running', 50],
      ['succeeded', 100],
    ]);
  });

  it('ends with the job it watches', async () => {
    const id = await queueJob(db, 'x');
    const watching = jobs.watch(id);
    await watching.next();
    await db('matrix_admin.jobs').where({ id }).del();
    await expect(watching.next()).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' });
  });
});

describe('watch() of a job', () => {
  it('reads the job at once after its run in this process', async () => {
    const changes = new EventTarget();
    const { watch } = createJobs({ db, stopped: stopped.signal, changes, repeatMs: 15_000 });
    const id = await queueJob(db, 'x');
    const watching = watch(id);
    await watching.next();
    const next = watching.next();
    await update(id, { state: 'succeeded', finished_at: db.fn.now() });
    let looks = 0;
    const count = (): void => void (looks += 1);
    db.on('query', count);
    changes.dispatchEvent(new Event(id));
    // The wait ends sooner than the next regular look at the job would come.
    await until(() => looks > 0, 150);
    db.removeListener('query', count);
    expect((await next).value).toMatchObject({ state: 'succeeded' });
  });

  it('yields nothing while nothing changes', async () => {
    const changes = new EventTarget();
    const { watch } = createJobs({ db, stopped: stopped.signal, changes, repeatMs: 15_000 });
    const id = await queueJob(db, 'x');
    const watching = watch(id);
    await watching.next();
    const next = watching.next();
    let looks = 0;
    const count = (): void => void (looks += 1);
    db.on('query-response', count);
    await until(() => looks > 1);
    db.removeListener('query-response', count);
    await update(id, { state: 'running', phase: 'load' });
    expect((await next).value).toMatchObject({ state: 'running', phase: 'load' });
    await watching.return(undefined);
  });

  it('that does not change yields it again and again, so that no proxy cuts the stream', async () => {
    const often = createJobs({ db, stopped: stopped.signal, changes: new EventTarget(), repeatMs: 1 });
    const id = await queueJob(db, 'x');
    const seen: JobView[] = [];
    for await (const job of often.watch(id)) {
      seen.push(job);
      if (seen.length === 3) break;
    }
    expect(seen.map(({ state }) => state)).toEqual(['queued', 'queued', 'queued']);
  });
});

describe('viewJob()', () => {
  it('shows the creator and time of a new job, and nothing else yet', async () => {
    const before = Date.now();
    const { createdTs, id, ...job } = await viewOf({ done: 0 });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(Math.abs(createdTs - before)).toBeLessThan(10_000);
    expect(job).toEqual({
      kind: 'x',
      operation: 'x',
      target: null,
      input: null,
      state: 'queued',
      phase: null,
      done: 0,
      total: null,
      percent: null,
      rate: null,
      etaMs: null,
      attempts: 0,
      cancelRequested: false,
      createdBy: '@admin:x',
      startedTs: null,
      finishedTs: null,
      result: null,
      error: null,
      errcode: null,
      errorStatus: null,
    });
  });

  it('shows the result or the error of a job that has ended', async () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    const ended = { state: 'failed', attempts: 2, cancel_requested: true, started_at: at, finished_at: at };
    const failed = { error: 'why', errcode: 'M_NOT_FOUND', error_status: 404 };
    expect(
      await viewOf({ ...ended, ...failed, target: '!r:x', result: '{"n":1}', rate: 1.26, phase: 'x' }),
    ).toMatchObject({
      target: '!r:x',
      attempts: 2,
      cancelRequested: true,
      startedTs: at.getTime(),
      finishedTs: at.getTime(),
      result: { n: 1 },
      rate: 1.3,
      phase: null,
      error: 'why',
      errcode: 'M_NOT_FOUND',
      errorStatus: 404,
    });
  });

  it('shows the parameters that a kind may show, and none of an unknown kind', async () => {
    const input = JSON.stringify({ roomId: '!r:x', message: 'words for its readers', block: true });
    expect((await viewOf({ kind: 'deleteRoom', input })).input).toEqual({ roomId: '!r:x', block: true });
    expect((await viewOf({ kind: 'ofTomorrow', input })).input).toBeNull();
  });

  it.each([
    [
      { state: 'running', done: 1, total: 3, rate: 0.5 },
      { percent: 33.3, rate: 0.5, etaMs: 4_000 },
    ],
    [
      { state: 'running', done: 5, total: 3, rate: 1 },
      { percent: 100, etaMs: 0 },
    ],
    [
      { state: 'running', done: 0, total: 0 },
      { percent: 0, etaMs: null },
    ],
    [
      { state: 'running', done: 0, total: 9, rate: 0 },
      { percent: 0, etaMs: null },
    ],
    [
      { state: 'queued', done: 1, total: 2, rate: 1 },
      { percent: 50, etaMs: null },
    ],
    [
      { state: 'succeeded', done: 1, total: 2, rate: 1, phase: 'swap' },
      { percent: 100, etaMs: null, phase: null },
    ],
    [
      { state: 'failed', done: 1, total: 2, error: 'why' },
      { percent: 50, error: 'why' },
    ],
  ])('shows %j as %j', async (fields, expected) => {
    expect(await viewOf(fields)).toMatchObject(expected);
  });
});
