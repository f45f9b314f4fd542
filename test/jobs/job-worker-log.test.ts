import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MatrixError } from '../../src/errors.ts';
import type { JobKind } from '../../src/jobs/job.ts';
import { findJob } from '../../src/storage/plugin/jobs.ts';
import type { LogLine } from '../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/search-plugin.ts';
import {
  createTestWorker,
  kindOf,
  loseLeader,
  queueJob,
  reach,
  type TestWorker,
  type TestWorkerOptions,
  untilStopped,
} from '../support/test-jobs.ts';

let database: TestDatabase;
let db: Knex;
const workers: TestWorker[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
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
const linesOf = ({ logger }: TestWorker, message: string): LogLine[] =>
  logger.lines.filter((line) => line.message === message);
const update = (id: string, fields: Record<string, unknown>): PromiseLike<unknown> =>
  db('matrix_admin.jobs').where({ id }).update(fields);
/** Makes every SQL statement about jobs fail, until the returned function is called. */
async function breakJobs(): Promise<() => Promise<unknown>> {
  await db.raw('ALTER TABLE matrix_admin.jobs RENAME TO broken');
  return () => Promise.resolve(db.raw('ALTER TABLE matrix_admin.broken RENAME TO jobs'));
}

describe('a worker', () => {
  it('tells when a run of a job is over, however it has ended', async () => {
    const left: string[] = [];
    const [done, failed, wrong] = [
      await queueJob(db, 'done'),
      await queueJob(db, 'failed'),
      await queueJob(db, 'wrong'),
    ];
    start(
      [
        kindOf('done', async () => ({})),
        kindOf('failed', () => Promise.reject(new Error('not now'))),
        kindOf('wrong', () => Promise.reject(new MatrixError('M_NOT_FOUND', 'gone'))),
      ],
      { left: (id) => left.push(id) },
    );
    await until(() => left.length === 3);
    expect(left.sort()).toEqual([done, failed, wrong].sort());
  });

  it('logs that the database does not answer, and continues when it answers again', async () => {
    const mend = await breakJobs();
    const worker = start([kindOf('x', async () => ({}))]);
    await until(() => linesOf(worker, 'Could not search for jobs to run').length > 1);
    await mend();
    const id = await queueJob(db, 'x');
    await reach(db, id, 'succeeded');
    expect(linesOf(worker, 'Could not search for jobs to run')[0]).toMatchObject({
      level: 'warn',
      fields: { error: 'PostgreSQL error 42P01', stack: expect.any(String) },
    });
  });

  it('that cannot store the end of a job logs it, and the job goes on later', async () => {
    const id = await queueJob(db, 'x');
    let mend: (() => Promise<unknown>) | undefined;
    let runs = 0;
    const worker = start([
      kindOf('x', async () => {
        runs += 1;
        if (runs === 1) mend = await breakJobs();
        return { runs };
      }),
    ]);
    await until(() => linesOf(worker, 'Job worker failed').length > 0);
    await mend?.();
    expect(await reach(db, id, 'succeeded')).toMatchObject({ result: { runs: 2 } });
    expect(linesOf(worker, 'Job worker failed')).toMatchObject([
      { level: 'error', fields: { error: 'PostgreSQL error 42P01' } },
    ]);
  });

  it('that cannot share the work of a job logs this, unless it stops', async () => {
    const id = await queueJob(db, 'x');
    await loseLeader(db, id);
    await update(id, { lease_until: db.raw(`now() + interval '1 min'`) });
    let asked = 0;
    const assist = async (): Promise<void> => {
      asked += 1;
      throw new Error('no room');
    };
    const worker = start([kindOf('x', untilStopped, { assist })]);
    await until(() => asked > 1);
    await worker.stop();
    const lines = linesOf(worker, 'Could not help another process with a job');
    expect(lines[0]).toMatchObject({ level: 'warn', fields: { job: 'x', jobId: id, error: 'no room' } });
    const stopped = start([kindOf('x', untilStopped, { assist: (run) => untilStopped(run) })]);
    await delay(50);
    await stopped.stop();
    expect(linesOf(stopped, 'Could not help another process with a job')).toEqual([]);
  });

  it('shares the work of one job at a time, and not of its own jobs', async () => {
    const [own, others] = [await queueJob(db, 'x'), await queueJob(db, 'x')];
    await loseLeader(db, others);
    await update(others, { lease_until: db.raw(`now() + interval '1 min'`) });
    const shared: string[] = [];
    const assist: JobKind['assist'] = async ({ job, signal }) => {
      shared.push(job.id);
      await untilStopped({ signal });
    };
    start([kindOf('x', untilStopped, { assist })]);
    await reach(db, own, 'running');
    await until(() => shared.length > 0);
    // In this time, the worker looks for jobs several times.
    await delay(150);
    expect(shared).toEqual([others]);
  });

  it('removes what a job has left that ended without a leader; a removal that fails is logged, and tried again', async () => {
    const id = await queueJob(db, 'x');
    await update(id, { state: 'cancelled', needs_clean_up: true, finished_at: db.fn.now() });
    const cleaned: string[] = [];
    const cleanUp = async (job: { readonly id: string }): Promise<void> => {
      cleaned.push(job.id);
      if (cleaned.length === 1) throw new Error('the engine is away');
    };
    const worker = start([kindOf('x', untilStopped, { cleanUp })], { leaseMs: 100 });
    await until(async () => (await db('matrix_admin.jobs').where({ id }).first()).needs_clean_up === false);
    expect(cleaned).toEqual([id, id]);
    expect(linesOf(worker, 'Could not remove what a job has left behind')).toMatchObject([
      { level: 'warn', fields: { job: 'x', jobId: id, error: 'the engine is away' } },
    ]);
  });

  it('logs and audits the end of a job that no process leads', async () => {
    const [cancelled, abandoned] = [await queueJob(db, 'x'), await queueJob(db, 'unknown')];
    await update(cancelled, { cancel_requested: true });
    await update(abandoned, { run_after: db.raw(`now() - interval '61 s'`), target: '!r:x' });
    const worker = start([kindOf('x', async () => ({}))], { retentionMs: 60_000 });
    const ended = 'Ended a job that no process was running';
    await until(() => linesOf(worker, ended).length === 2);
    const error = 'no process of this homeserver does jobs of this kind';
    expect(await findJob(db, abandoned)).toMatchObject({ state: 'failed', error, errcode: 'M_UNRECOGNIZED' });
    expect(await findJob(db, cancelled)).toMatchObject({ state: 'cancelled', error: undefined, attempts: 0 });
    expect(linesOf(worker, ended).map(({ level, fields }) => ({ level, ...fields }))).toEqual(
      expect.arrayContaining([
        { level: 'info', job: 'x', jobId: cancelled, state: 'cancelled' },
        { level: 'info', job: 'unknown', jobId: abandoned, state: 'failed' },
      ]),
    );
    const audits = db('matrix_admin.audit').orderBy('operation').select('operation', 'outcome', 'errcode', 'target');
    expect(await audits).toEqual([
      { operation: 'unknown', outcome: 'failed', errcode: 'M_UNRECOGNIZED', target: '!r:x' },
      { operation: 'x', outcome: 'cancelled', errcode: null, target: null },
    ]);
  });
});
