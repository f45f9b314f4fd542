import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MatrixError } from '../../src/errors.ts';
import type { JobKind } from '../../src/jobs/job.ts';
import { requestCancellation } from '../../src/jobs/request-cancellation.ts';
import { findJob, insertJob } from '../../src/storage/plugin/jobs.ts';
import { finishJob } from '../../src/storage/plugin/led-jobs.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { isSomebodyWaiting, until } from '../support/search-plugin.ts';
import {
  createTestWorker,
  kindOf,
  LEASE_MS,
  loseLeader,
  queueJob,
  reach,
  step,
  type TestWorker,
  type TestWorkerOptions,
  untilStopped,
} from '../support/test-jobs.ts';

let database: TestDatabase;
let db: Knex;
const workers: TestWorker[] = [];

beforeAll(async () => {
  database = await createTestDatabase({ poolSize: 20 });
  ({ db } = database);
});
afterAll(() => database.drop());
beforeEach(() => db.raw('TRUNCATE matrix_admin.jobs, matrix_admin.audit CASCADE'));
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
});

function start(kinds: readonly JobKind[], options: TestWorkerOptions = {}): TestWorker {
  const worker = createTestWorker(db, kinds, options);
  workers.push(worker);
  worker.start();
  return worker;
}

const update = (id: string, fields: Record<string, unknown>): PromiseLike<unknown> =>
  db('matrix_admin.jobs').where({ id }).update(fields);
/** Makes a job that waits for its next attempt run at once. */
const makeDue = (id: string): PromiseLike<unknown> => update(id, { run_after: db.fn.now() });
/** Requests that a job stops, as an administrator does. @returns the job afterwards */
async function cancel(id: string): ReturnType<typeof findJob> {
  await db.transaction((transaction) => requestCancellation(transaction, id));
  return findJob(db, id);
}
const audits = (id: string): PromiseLike<{ operation: string; outcome: string }[]> =>
  db('matrix_admin.audit').where({ job_id: id }).select('operation', 'outcome', 'errcode', 'actor', 'request_id');

describe('a job', () => {
  it('runs, and leaves its result and an audit entry', async () => {
    const id = await queueJob(db, 'count');
    start([kindOf('count', async () => ({ answer: 42 }))]);
    const job = await reach(db, id, 'succeeded');
    expect(job).toMatchObject({
      result: { answer: 42 },
      attempts: 1,
      failures: 0,
      checkpoint: undefined,
      error: undefined,
    });
    expect(await audits(id)).toEqual([
      { operation: 'count', outcome: 'ok', errcode: null, actor: '@admin:x', request_id: 'request 1' },
    ]);
  });

  it('that this process has queued starts at once', async () => {
    const worker = start([kindOf('x', async () => ({}))], { pollIntervalMs: 60_000 });
    await delay(50);
    const id = await queueJob(db, 'x');
    worker.wake();
    await reach(db, id, 'succeeded');
  });

  it('runs once, even with many processes', async () => {
    const runs: string[] = [];
    const kinds = [
      kindOf('x', async ({ job }) => {
        runs.push(job.id);
        await delay(20);
        return {};
      }),
    ];
    const ids = await Promise.all(Array.from({ length: 30 }, () => queueJob(db, 'x')));
    const four = Array.from({ length: 4 }, () => start(kinds));
    for (const id of ids) await reach(db, id, 'succeeded');
    expect(runs.sort()).toEqual(ids.sort());
    expect(four.map(({ logger }) => logger.lines.some(({ message }) => message === 'Job ended'))).toContain(true);
  });

  it('waits while the process leads the maximum number of jobs', async () => {
    let now = 0;
    let most = 0;
    const threeAtOnce = new AbortController();
    const ids = await Promise.all(Array.from({ length: 8 }, () => queueJob(db, 'x')));
    start(
      [
        kindOf('x', async () => {
          now += 1;
          most = Math.max(most, now);
          if (now === 3) threeAtOnce.abort();
          if (!threeAtOnce.signal.aborted) await once(threeAtOnce.signal, 'abort');
          await delay(20);
          now -= 1;
          return {};
        }),
      ],
      { concurrency: 3 },
    );
    for (const id of ids) await reach(db, id, 'succeeded');
    expect(most).toBe(3);
  });

  it('is ignored by a worker that has not been started', async () => {
    const worker = createTestWorker(db, [kindOf('x', async () => ({}))]);
    const id = await queueJob(db, 'x');
    worker.wake();
    await delay(3 * 30);
    expect(await findJob(db, id)).toMatchObject({ state: 'queued', attempts: 0 });
    worker.start();
    await reach(db, id, 'succeeded');
    await worker.stop();
  });

  it('of one kind does not wait for jobs of another kind', async () => {
    start([kindOf('endless', untilStopped), kindOf('x', async () => ({}))], { concurrency: 1 });
    await reach(db, await queueJob(db, 'endless'), 'running');
    await queueJob(db, 'endless');
    await reach(db, await queueJob(db, 'x'), 'succeeded');
  });

  it('of an unknown kind is ignored', async () => {
    const [unknown, known] = [await queueJob(db, 'of a later version'), await queueJob(db, 'x')];
    await update(unknown, { run_after: db.raw(`now() - interval '30 s'`) });
    const lost = await queueJob(db, 'also unknown');
    await loseLeader(db, lost);
    start([kindOf('x', async () => ({}))]);
    await reach(db, known, 'succeeded');
    await delay(3 * 30);
    expect(await findJob(db, unknown)).toMatchObject({ state: 'queued', attempts: 0 });
    expect(await findJob(db, lost)).toMatchObject({ state: 'running', attempts: 1 });
  });
});

describe('insertJob()', () => {
  it('joins the unfinished job with the same key, even with 50 concurrent callers', async () => {
    const made = await Promise.all(
      Array.from({ length: 50 }, () =>
        insertJob(db, { kind: 'x', dedupeKey: 'one', input: {}, createdBy: 'a', requestId: 'b' }),
      ),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(made.filter(({ joined }) => !joined)).toHaveLength(1);
  });

  it('queues a new job if the other job is rolled back or has ended', async () => {
    const first = await db.transaction();
    const job = { kind: 'x', dedupeKey: 'one', input: {}, createdBy: 'a', requestId: 'b' };
    const { id } = await insertJob(first, job);
    const second = insertJob(db, job);
    await first.rollback();
    const made = await second;
    expect(made.joined).toBe(false);
    expect(made.id).not.toBe(id);
    await update(made.id, { state: 'failed' });
    expect((await insertJob(db, job)).joined).toBe(false);
  });
});

describe('a lease', () => {
  it('lasts as long as its process', async () => {
    const id = await queueJob(db, 'x');
    const kinds = [kindOf('x', (run) => untilStopped(run))];
    start(kinds);
    await reach(db, id, 'running');
    start(kinds);
    await delay(LEASE_MS * 3);
    expect(await findJob(db, id)).toMatchObject({ state: 'running', attempts: 1 });
  });

  it('that has expired lets another process resume from the last step', async () => {
    const id = await queueJob(db, 'x');
    await loseLeader(db, id);
    await update(id, { checkpoint: '{"at":7}' });
    start([kindOf('x', async ({ job }) => ({ from: job.checkpoint?.at }))]);
    expect(await reach(db, id, 'succeeded')).toMatchObject({ result: { from: 7 }, attempts: 2 });
  });

  it('that was lost stops the run without further changes', async () => {
    const id = await queueJob(db, 'x');
    const cleaned: string[] = [];
    const ended: unknown[] = [];
    const worker = start([
      kindOf(
        'x',
        async (run) => {
          await step(run, 1);
          await update(id, {
            lease_owner: db.raw('gen_random_uuid()'),
            lease_until: db.raw(`now() + interval '1 min'`),
          });
          await db('matrix_admin.job_ranges').insert({ job_id: id, range_no: 0, position: 0, upper_position: 9 });
          ended.push(await step(run, 2).catch((error: unknown) => error));
          throw new MatrixError('M_UNKNOWN', 'a stale failure');
        },
        { cleanUp: async (job) => void cleaned.push(job.id) },
      ),
    ]);
    await until(() => ended.length > 0);
    await worker.stop();
    expect(ended[0]).toMatchObject({ name: 'JobInterrupted' });
    expect(cleaned).toEqual([]);
    expect(await findJob(db, id)).toMatchObject({ state: 'running', checkpoint: { at: 1 }, failures: 0 });
    expect(await db('matrix_admin.job_ranges').where({ job_id: id })).toHaveLength(1);
  });

  it('that was lost leaves the end of the job to its new leader', async () => {
    const id = await queueJob(db, 'x');
    await loseLeader(db, id);
    await db('matrix_admin.job_ranges').insert({ job_id: id, range_no: 0, position: 0, upper_position: 9 });
    const end = { state: 'succeeded', result: {} } as const;
    expect(await db.transaction((transaction) => finishJob(transaction, id, randomUUID(), end, {}))).toBe(false);
    expect(await findJob(db, id)).toMatchObject({ state: 'running' });
    expect(await db('matrix_admin.job_ranges').where({ job_id: id })).toHaveLength(1);
  });

  it('that was lost while the database was unavailable stops the run', async () => {
    const id = await queueJob(db, 'x');
    const reasons: unknown[] = [];
    const worker = createTestWorker(db, [
      kindOf('x', async (run) => {
        const blocker = await db.transaction();
        await blocker('matrix_admin.jobs').where({ id }).forUpdate();
        try {
          return await untilStopped(run);
        } finally {
          reasons.push(run.signal.reason);
          await blocker.rollback();
        }
      }),
    ]);
    workers.push(worker);
    worker.start();
    await until(() => reasons.length > 0);
    expect(reasons[0]).toBe('lease lost');
  });

  it('that was lost does not let the same process run the job twice at once', async () => {
    const id = await queueJob(db, 'x');
    let now = 0;
    let most = 0;
    let runs = 0;
    start([
      kindOf('x', async () => {
        runs += 1;
        now += 1;
        most = Math.max(most, now);
        await update(id, { lease_owner: db.raw('gen_random_uuid()'), lease_until: db.raw(`now() - interval '1 s'`) });
        await delay(200);
        now -= 1;
        return {};
      }),
    ]);
    await until(() => runs >= 3);
    expect(most).toBe(1);
  });
});

describe('the audit', () => {
  it('deletes entries after the retention, and keeps the others', async () => {
    const entry = { operation: 'x', outcome: 'ok', actor: '@admin:x', request_id: 'r' };
    await db('matrix_admin.audit').insert([
      { ...entry, target: 'old', at: db.raw(`now() - interval '2 minutes'`) },
      { ...entry, target: 'new' },
    ]);
    start([kindOf('x', async () => ({}))]);
    const kept = async (): Promise<unknown[]> =>
      db('matrix_admin.audit').whereIn('target', ['old', 'new']).pluck('target');
    await until(async () => (await kept()).length === 1);
    expect(await kept()).toEqual(['new']);
  });
});

describe('a failure', () => {
  it('is retried later, and the job shows the error', async () => {
    const id = await queueJob(db, 'x');
    let runs = 0;
    start([
      kindOf('x', async () => {
        runs += 1;
        if (runs === 1) throw new Error('the disk is full');
        return {};
      }),
    ]);
    const failed = await reach(db, id, 'queued').then(async () => {
      await until(async () => (await findJob(db, id))?.failures === 1);
      return reach(db, id, 'queued');
    });
    expect(failed).toMatchObject({ state: 'queued', error: 'the disk is full' });
    const [row] = await db('matrix_admin.jobs').where({ id }).select(db.raw('run_after > now() AS later'));
    expect(row.later).toBe(true);
    await makeDue(id);
    expect(await reach(db, id, 'succeeded')).toMatchObject({ attempts: 2, error: undefined });
  });

  it('ends the job after too many in a row, with a clean-up, the error and an audit entry', async () => {
    const id = await queueJob(db, 'x');
    const cleaned: string[] = [];
    start([
      kindOf('x', () => Promise.reject(new Error('the disk is full')), {
        cleanUp: async (job) => void cleaned.push(job.id),
      }),
    ]);
    for (const failures of [1, 2]) {
      await until(async () => (await findJob(db, id))?.failures === failures);
      await reach(db, id, 'queued');
      await makeDue(id);
    }
    expect(await reach(db, id, 'failed')).toMatchObject({ error: 'the disk is full', attempts: 3 });
    expect(cleaned).toEqual([id]);
    expect(await audits(id)).toMatchObject([{ operation: 'x', outcome: 'failed', errcode: 'M_UNKNOWN' }]);
  });

  it('counts even if each attempt first stores a step without progress', async () => {
    const id = await queueJob(db, 'x');
    start([
      kindOf('x', async (run) => {
        await step(run, 1);
        throw new Error('the disk is full');
      }),
    ]);
    for (const failures of [1, 2]) {
      await until(async () => (await findJob(db, id))?.failures === failures);
      await reach(db, id, 'queued');
      await makeDue(id);
    }
    expect(await reach(db, id, 'failed')).toMatchObject({ error: 'the disk is full', attempts: 3 });
  });

  it('is followed by a longer wait each time', async () => {
    const id = await queueJob(db, 'x');
    const attempts: number[] = [];
    start([
      kindOf('x', async () => {
        attempts.push(Date.now());
        throw new Error('the disk is full');
      }),
    ]);
    await reach(db, id, 'failed');
    const [first = 0, second = 0, third = 0] = attempts;
    // The waits are one and two seconds. Each may be shorter by up to a fifth.
    expect(second - first).toBeGreaterThanOrEqual(800);
    expect(third - second).toBeGreaterThanOrEqual(1_600);
  });

  it('counts as the first again after progress', async () => {
    const id = await queueJob(db, 'x');
    let runs = 0;
    start([
      kindOf('x', async (run) => {
        runs += 1;
        if (runs === 6) return {};
        await step(run, runs);
        throw new Error(`failure ${runs}`);
      }),
    ]);
    for (let failed = 1; failed <= 5; failed++) {
      await until(async () => (await findJob(db, id))?.error === `failure ${failed}`);
      expect(await reach(db, id, 'queued')).toMatchObject({ failures: 1 });
      await makeDue(id);
    }
    await reach(db, id, 'succeeded');
  });

  it('counts as the first again after progress in ranges', async () => {
    const id = await queueJob(db, 'x');
    await db('matrix_admin.job_ranges').insert({ job_id: id, range_no: 0, position: 0, upper_position: 9 });
    let runs = 0;
    start([
      kindOf('x', async () => {
        runs += 1;
        if (runs === 6) return {};
        await db('matrix_admin.job_ranges').where({ job_id: id }).increment('done', 1);
        throw new Error(`failure ${runs}`);
      }),
    ]);
    for (let failed = 1; failed <= 5; failed++) {
      await until(async () => (await findJob(db, id))?.error === `failure ${failed}`);
      expect(await reach(db, id, 'queued')).toMatchObject({ failures: 1 });
      await makeDue(id);
    }
    expect(await reach(db, id, 'succeeded')).toMatchObject({ done: 5 });
  });

  it('that is permanent ends the job at once', async () => {
    const id = await queueJob(db, 'x');
    start([kindOf('x', () => Promise.reject(new MatrixError('M_BAD_STATE', 'the engine refuses the key')))]);
    expect(await reach(db, id, 'failed')).toMatchObject({ error: 'the engine refuses the key', attempts: 1 });
  });

  it('is logged as an error only if it is not an answer for the caller', async () => {
    const answer = await queueJob(db, 'answer');
    const fault = await queueJob(db, 'fault');
    const { logger } = start([
      kindOf('answer', () => Promise.reject(new MatrixError('M_NOT_FOUND', 'no such room'))),
      kindOf('fault', () => Promise.reject(new MatrixError('M_UNKNOWN', 'the engine is broken'))),
    ]);
    await Promise.all([answer, fault].map((id) => reach(db, id, 'failed')));
    const failures = logger.lines.filter(({ message }) => message === 'Job failed');
    expect(new Map(failures.map(({ level, fields }) => [fields['job'], level]))).toEqual(
      new Map([
        ['answer', 'warn'],
        ['fault', 'error'],
      ]),
    );
  });

  it('counts when processes die during the job again and again', async () => {
    const id = await queueJob(db, 'x');
    await update(id, { failures: 3, error: 'the last thing heard' });
    start([kindOf('x', async () => ({}))]);
    expect(await reach(db, id, 'failed')).toMatchObject({
      error: 'the job has failed 3 times in a row; the last error: the last thing heard',
    });
  });

  it('of the clean-up is retried', async () => {
    const id = await queueJob(db, 'x');
    let cleanUps = 0;
    start([
      kindOf('x', () => Promise.reject(new MatrixError('M_UNKNOWN', 'broken')), {
        cleanUp: async () => {
          cleanUps += 1;
          if (cleanUps === 1) throw new Error('not now');
        },
      }),
    ]);
    await reach(db, id, 'failed');
    expect(cleanUps).toBe(2);
  });

  it('shows no values of a statement in the job or in the log', async () => {
    const id = await queueJob(db, 'x');
    const worker = start([
      kindOf('x', async ({ job }) => {
        if (job.failures === 0) await db.raw(`SELECT CAST(? AS integer)`, ['a secret message']);
        if (job.failures === 1)
          await db('matrix_admin.jobs').insert({ kind: 'a secret message', state: 'wrong', created_by: 'x' });
        const victim = await db.transaction();
        const { rows } = await victim.raw('SELECT pg_backend_pid() AS pid');
        const broken = victim.raw('SELECT pg_sleep(10), CAST(? AS text)', ['a secret message']);
        const ended = Promise.resolve(broken).catch((error: unknown) => error);
        await db.raw('SELECT pg_terminate_backend(?)', [rows[0].pid]);
        const error = await ended;
        await victim.rollback().catch(() => {});
        throw error;
      }),
    ]);
    for (const failures of [1, 2]) {
      await until(async () => (await findJob(db, id))?.failures === failures);
      expect((await reach(db, id, 'queued'))?.error).toMatch(/^PostgreSQL error \w+/);
      await makeDue(id);
    }
    const job = await reach(db, id, 'failed');
    expect(job?.error).not.toBe('');
    expect(JSON.stringify(job)).not.toContain('secret');
    expect(worker.logger.text()).not.toContain('secret');
  });
});

describe('cancelling', () => {
  it('ends a queued job at once', async () => {
    const id = await queueJob(db, 'x');
    expect(await cancel(id)).toMatchObject({ state: 'cancelled', attempts: 0 });
  });

  it('ends a running job after its clean-up', async () => {
    const id = await queueJob(db, 'x');
    const cleaned: string[] = [];
    start([kindOf('x', (run) => untilStopped(run), { cleanUp: async (job) => void cleaned.push(job.id) })]);
    await reach(db, id, 'running');
    expect(await cancel(id)).toMatchObject({ state: 'running', cancelRequested: true });
    await reach(db, id, 'cancelled');
    expect(cleaned).toEqual([id]);
    expect(await audits(id)).toMatchObject([{ operation: 'x', outcome: 'cancelled' }]);
  });

  it('ends a job at its next step', async () => {
    const id = await queueJob(db, 'x');
    start(
      [
        kindOf('x', async (run) => {
          await step(run, 1);
          await cancel(id);
          await step(run, 2);
          return {};
        }),
      ],
      { leaseMs: 60_000 },
    );
    expect((await reach(db, id, 'cancelled'))?.result).toBeUndefined();
  });

  it('ends the job of a dead process without resuming it', async () => {
    const id = await queueJob(db, 'x');
    await loseLeader(db, id);
    await cancel(id);
    let runs = 0;
    const cleaned: string[] = [];
    start([kindOf('x', async () => ({ runs: runs++ }), { cleanUp: async (job) => void cleaned.push(job.id) })]);
    await expect.poll(() => cleaned).toEqual([id]);
    expect(await findJob(db, id)).toMatchObject({ state: 'cancelled' });
    expect(runs).toBe(0);
  });

  it('ends a job that waits for its next attempt', async () => {
    const id = await queueJob(db, 'x');
    await update(id, { attempts: 2, failures: 1, run_after: db.raw(`now() + interval '1 hour'`) });
    start([kindOf('x', async () => ({}))]);
    await cancel(id);
    await reach(db, id, 'cancelled');
  });

  it('does not change a job that has ended', async () => {
    const id = await queueJob(db, 'x');
    start([kindOf('x', async () => ({}))]);
    await reach(db, id, 'succeeded');
    expect(await cancel(id)).toMatchObject({ state: 'succeeded', cancelRequested: false });
  });
});

describe('stop()', () => {
  it('hands the job back, and another process resumes it', async () => {
    const id = await queueJob(db, 'x');
    let runs = 0;
    const kinds = [
      kindOf('x', async (run) => {
        runs += 1;
        if (runs > 1) return { from: run.job.checkpoint?.at };
        await step(run, 5);
        return untilStopped(run);
      }),
    ];
    const worker = start(kinds, { leaseMs: 60_000 });
    await until(async () => (await findJob(db, id))?.checkpoint !== undefined);
    await worker.stop();
    expect(await findJob(db, id)).toMatchObject({ state: 'queued', failures: 0 });
    start(kinds);
    expect(await reach(db, id, 'succeeded')).toMatchObject({ result: { from: 5 }, attempts: 2 });
  });

  it('also hands back a job that is just being claimed', async () => {
    const worker = start([kindOf('first', async () => ({})), kindOf('x', (run) => untilStopped(run))]);
    await reach(db, await queueJob(db, 'first'), 'succeeded');
    const blocker = await db.transaction();
    await blocker.raw('LOCK TABLE matrix_admin.jobs IN EXCLUSIVE MODE');
    const id = await queueJob(blocker, 'x');
    await until(() => isSomebodyWaiting(db));
    const stopped = worker.stop();
    await blocker.commit();
    await stopped;
    expect(await findJob(db, id)).toMatchObject({ state: 'queued', attempts: 1 });
  });

  it('at any moment after start() leaves nothing running', async () => {
    for (let wait = 0; wait < 15; wait++) {
      const id = await queueJob(db, 'x');
      let running = 0;
      const worker = createTestWorker(db, [
        kindOf('x', async (run) => {
          running += 1;
          try {
            return await untilStopped(run);
          } finally {
            running -= 1;
          }
        }),
      ]);
      worker.start();
      await delay(wait);
      await worker.stop();
      expect(running).toBe(0);
      expect(await findJob(db, id)).toMatchObject({ state: 'queued' });
      await update(id, { state: 'cancelled' });
    }
  });

  it('waits for the last statement, so the pool can be closed afterwards', async () => {
    for (let round = 0; round < 5; round++) {
      const own = await createTestDatabase({ poolSize: 3 });
      const pool = own.db;
      await queueJob(pool, 'x');
      const worker = createTestWorker(pool, [kindOf('x', (run) => untilStopped(run))], { leaseMs: 40 });
      worker.start();
      await delay(50 + round * 7);
      await worker.stop();
      expect(pool.client.pool.numUsed() + pool.client.pool.numPendingAcquires()).toBe(0);
      expect(worker.logger.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
      await own.drop();
    }
  });
});

describe('finished jobs', () => {
  it('are removed after the retention, with their ranges and items', async () => {
    const [old, recent] = [await queueJob(db, 'x'), await queueJob(db, 'x')];
    const [unfinished, uncleaned] = [await queueJob(db, 'unknown'), await queueJob(db, 'unknown')];
    const longAgo = db.raw(`now() - interval '61 s'`);
    await update(uncleaned, { state: 'cancelled', needs_clean_up: true, finished_at: longAgo });
    await update(old, { state: 'succeeded', finished_at: longAgo });
    await update(recent, { state: 'failed', finished_at: db.raw(`now() - interval '59 s'`) });
    await update(unfinished, { created_at: db.raw(`now() - interval '1 year'`) });
    await db('matrix_admin.job_ranges').insert({ job_id: old, range_no: 0, position: 0, upper_position: 9 });
    start([kindOf('x', async () => ({}))], { retentionMs: 60_000 });
    await until(async () => (await findJob(db, old)) === undefined);
    expect(await findJob(db, recent)).toBeDefined();
    expect(await findJob(db, unfinished)).toBeDefined();
    expect(await findJob(db, uncleaned)).toBeDefined();
    expect(await db('matrix_admin.job_ranges')).toEqual([]);
  });
});

describe('sharing', () => {
  it('lets other processes help, without more queries than the polling', async () => {
    const id = await queueJob(db, 'x');
    const helped: string[] = [];
    let asked = 0;
    const count = ({ sql }: { readonly sql: string }): void => {
      if (sql.includes('lease_owner <>')) asked += 1;
    };
    const kinds = [kindOf('x', (run) => untilStopped(run), { assist: async ({ owner }) => void helped.push(owner) })];
    start(kinds, { pollIntervalMs: 60_000 });
    await reach(db, id, 'running');
    db.on('query', count);
    start(kinds, { pollIntervalMs: 100 });
    await until(() => helped.length >= 3);
    await delay(300);
    db.removeListener('query', count);
    expect(new Set(helped).size).toBe(1);
    expect(asked).toBeLessThan(12);
  });

  it('ends when the helper becomes the leader of the job', async () => {
    const id = await queueJob(db, 'x');
    await update(id, {
      state: 'running',
      attempts: 1,
      lease_owner: db.raw('gen_random_uuid()'),
      lease_until: db.raw(`now() + interval '300 ms'`),
    });
    const events: string[] = [];
    start([
      kindOf(
        'x',
        async () => {
          events.push('leads');
          await until(() => events.includes('helped'));
          return {};
        },
        {
          assist: async (run) => {
            await untilStopped(run).catch(() => events.push('helped'));
          },
        },
      ),
    ]);
    await reach(db, id, 'succeeded');
    expect(events).toContain('helped');
  });
});
