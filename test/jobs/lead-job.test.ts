import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { DatabaseError } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MatrixError } from '../../src/errors.ts';
import type { Job, JobEnd, JobKind } from '../../src/jobs/job.ts';
import { leadJob } from '../../src/jobs/lead-job.ts';
import { claimJob, findJob } from '../../src/storage/plugin/jobs.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { isSomebodyWaiting } from '../support/search-plugin.ts';
import { kindOf, queueJob, step, untilStopped } from '../support/test-jobs.ts';

const OWNER = randomUUID();
const LEASE_MS = 60_000;

let database: TestDatabase;
let db: Knex;
let logger: ReturnType<typeof createCapturedLogger>;
let stopping: AbortController;
let id: string;
beforeAll(async () => {
  database = await createTestDatabase();
  ({ db } = database);
});
afterAll(() => database.drop());
beforeEach(async () => {
  await db.raw('TRUNCATE matrix_admin.jobs, matrix_admin.audit CASCADE');
  logger = createCapturedLogger();
  stopping = new AbortController();
  id = await queueJob(db, 'x');
});

const update = (fields: Record<string, unknown>): PromiseLike<unknown> =>
  db('matrix_admin.jobs').where({ id }).update(fields);
const endings: [string, JobEnd][] = [];
const cleaned: string[] = [];
/** Claims the job and runs it. @returns the stored job afterwards */
async function lead(run: JobKind['run'], rest: Partial<JobKind> = {}, leaseMs = LEASE_MS): Promise<Job | undefined> {
  endings.length = 0;
  cleaned.length = 0;
  const claimed = await claimJob(db, ['x', 'deleteRoom'], { owner: OWNER, leaseMs, except: [] });
  if (claimed === undefined) throw new Error('there is no job to lead');
  const kind = kindOf('x', run, {
    cleanUp: async (job) => void cleaned.push(job.id),
    ended: (job, end) => void endings.push([job.id, end]),
    ...rest,
  });
  await leadJob({ db, owner: OWNER, leaseMs, logger, stopping: stopping.signal }, claimed, kind);
  return findJob(db, id);
}
const audits = (): PromiseLike<unknown[]> =>
  db('matrix_admin.audit').select('operation', 'outcome', 'errcode', 'actor', 'target', 'request_id', 'job_id');
/** Returns level, message and fields of the only line in the log. Checks that the line names the job. */
function logged(): unknown[] {
  expect(logger.lines).toHaveLength(1);
  return logger.lines.flatMap(({ level, message, fields: { job, jobId, stack, ...fields } }) => {
    expect([job, jobId]).toEqual(['x', id]);
    if (stack !== undefined) expect(stack).toContain(import.meta.url.split('/').at(-1));
    return [level, message, fields];
  });
}

describe('a job that is done', () => {
  it('stores its result, and informs the log, the audit and waiting callers', async () => {
    const job = await lead(async () => ({ answer: 42 }));
    expect(job).toMatchObject({ state: 'succeeded', result: { answer: 42 } });
    expect(logged()).toEqual(['info', 'Job ended', { state: 'succeeded' }]);
    const entry = { operation: 'x', outcome: 'ok', errcode: null, actor: '@admin:x', target: null };
    expect(await audits()).toEqual([{ ...entry, request_id: 'request 1', job_id: id }]);
    expect(endings).toEqual([[id, { state: 'succeeded', result: { answer: 42 } }]]);
    expect(cleaned).toEqual([]);
  });

  it('is audited under its target, and under its own id if no request has started it', async () => {
    await update({ request_id: null, target: '!r:x' });
    await lead(async () => ({}));
    expect(await audits()).toMatchObject([{ target: '!r:x', request_id: id }]);
  });

  it('writes into the log under its name, at every level', async () => {
    await lead(async ({ log }) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({ n: 1 }, `a ${level} line`);
      return {};
    });
    expect(logger.lines.slice(0, 4)).toEqual(
      ['debug', 'info', 'warn', 'error'].map((level) => ({
        level,
        message: `a ${level} line`,
        fields: { job: 'x', jobId: id, n: 1 },
      })),
    );
  });

  it('keeps only the input that callers may see', async () => {
    const input = { roomId: '!r:x', message: 'words for the members' };
    await update({ kind: 'deleteRoom', input: JSON.stringify(input) });
    expect(await lead(async ({ job }) => ({ had: job.input }))).toMatchObject({ result: { had: input } });
    expect((await findJob(db, id))?.input).toEqual({ roomId: '!r:x' });
  });

  it('no longer renews its lease', async () => {
    await lead(async () => ({}), {}, 40);
    let asked = 0;
    const count = (): void => void (asked += 1);
    db.on('query', count);
    await delay(60);
    db.removeListener('query', count);
    expect(asked).toBe(0);
  });

  it('is left to another process that has taken over the job, without a trace here', async () => {
    const job = await lead(async () => {
      await update({ lease_owner: randomUUID() });
      return {};
    });
    expect(job).toMatchObject({ state: 'running' });
    expect([await audits(), endings, logger.lines]).toEqual([[], [], []]);
  });
});

describe('a job that fails', () => {
  it('with a MatrixError ends with this error as the answer, after the clean-up', async () => {
    const job = await lead(() => Promise.reject(new MatrixError('M_BAD_STATE', 'not now', { status: 409 })));
    const answer = { error: 'not now', errcode: 'M_BAD_STATE' };
    expect(job).toMatchObject({ state: 'failed', ...answer, errorStatus: 409, failures: 1 });
    expect(logger.lines[0]).toMatchObject({ level: 'warn', message: 'Job failed', fields: { error: 'not now' } });
    expect(logger.lines[1]).toMatchObject({ level: 'info', message: 'Job ended', fields: { state: 'failed' } });
    expect(await audits()).toMatchObject([{ outcome: 'failed', errcode: 'M_BAD_STATE' }]);
    expect([cleaned, endings]).toEqual([[id], [[id, { state: 'failed', ...answer, status: 409 }]]]);
  });

  it.each([
    [499, 'warn'],
    [500, 'error'],
  ])('with status %i is logged as %s', async (status, level) => {
    await lead(() => Promise.reject(new MatrixError('M_UNKNOWN', 'why', { status })));
    expect(logger.lines[0]).toMatchObject({ level, message: 'Job failed' });
  });

  it('with another error is tried again after a second', async () => {
    const job = await lead(() => Promise.reject(new Error('the disk is full')));
    expect(job).toMatchObject({ state: 'queued', error: 'the disk is full', failures: 1 });
    const [level, message, fields] = logged();
    expect([level, message]).toEqual(['warn', 'Job failed and will be tried again']);
    const { delayMs, ...rest } = fields as { delayMs: number };
    expect(rest).toEqual({ error: 'the disk is full', failures: 1 });
    expect(delayMs).toBeGreaterThanOrEqual(800);
    expect(delayMs).toBeLessThanOrEqual(1_000);
    expect([await audits(), cleaned, endings]).toEqual([[], [], []]);
    const [row] = await db('matrix_admin.jobs').select(db.raw('run_after > now() AS later'));
    expect(row.later).toBe(true);
  });

  it('too many times ends as a fault of the server', async () => {
    await update({ failures: 2 });
    const job = await lead(() => Promise.reject(new Error('the disk is full')));
    expect(job).toMatchObject({ state: 'failed', error: 'the disk is full', errcode: undefined, failures: 3 });
    expect(logger.lines[0]).toMatchObject({ level: 'error', message: 'Job failed' });
    expect(await audits()).toMatchObject([{ outcome: 'failed', errcode: 'M_UNKNOWN' }]);
    expect(cleaned).toEqual([id]);
  });

  it.each([
    [undefined, 'the job has failed 3 times in a row'],
    ['out of memory', 'the job has failed 3 times in a row; the last error: out of memory'],
  ])('because its process dies each time is given up: %s', async (error, message) => {
    await update({ failures: 3, error: error ?? null });
    let runs = 0;
    const job = await lead(async () => ({ runs: (runs += 1) }));
    expect(job).toMatchObject({ state: 'failed', errcode: 'M_UNKNOWN', errorStatus: 500, error: message });
    expect([runs, cleaned]).toEqual([0, [id]]);
  });

  it.each(['40001', '40P01'])(
    'because of other transactions (%s) continues soon, and does not count as failed',
    async (code) => {
      const conflict = Object.assign(new DatabaseError('a conflict', 1, 'error'), { code, severity: 'ERROR' });
      const before = Date.now();
      const job = await lead(() => Promise.reject(conflict));
      expect(job).toMatchObject({ state: 'queued', failures: 0, error: undefined });
      expect(logged()).toMatchObject([
        'warn',
        'Job conflicted with a transaction and will be continued later',
        { error: `PostgreSQL error ${code}`, delayMs: 200 },
      ]);
      const { run_after: runAfter } = await db('matrix_admin.jobs').first('run_after');
      expect(runAfter.getTime() - before).toBeGreaterThan(100);
      expect([cleaned, endings]).toEqual([[], []]);
    },
  );
});

describe('a job that must stop', () => {
  it('because it is cancelled ends after its clean-up', async () => {
    const job = await lead(async (run) => {
      await step(run, 1);
      await update({ cancel_requested: true });
      await step(run, 2);
      return {};
    });
    expect(job).toMatchObject({ state: 'cancelled', result: undefined });
    expect(logged()).toEqual(['info', 'Job ended', { state: 'cancelled' }]);
    expect(await audits()).toMatchObject([{ outcome: 'cancelled', errcode: null }]);
    expect([cleaned, endings]).toEqual([[id], [[id, { state: 'cancelled' }]]]);
  });

  it('because it was cancelled before this process led it does no work', async () => {
    await update({
      cancel_requested: true,
      attempts: 1,
      state: 'running',
      lease_until: db.raw(`now() - interval '1 s'`),
    });
    let runs = 0;
    const job = await lead(async () => ({ runs: (runs += 1) }));
    expect([job?.state, runs, cleaned]).toEqual(['cancelled', 0, [id]]);
  });

  it('because the process stops is handed back, and resumes at once', async () => {
    const job = await lead(async (run) => {
      setTimeout(() => stopping.abort(), 20);
      return untilStopped(run);
    });
    expect(job).toMatchObject({ state: 'queued', failures: 0, error: undefined });
    expect(logged()).toEqual([
      'info',
      'Job was interrupted and will be continued by this or another process',
      { reason: 'stopped' },
    ]);
    expect(await claimJob(db, ['x'], { owner: OWNER, leaseMs: LEASE_MS, except: [] })).toMatchObject({ id });
    expect([await audits(), cleaned]).toEqual([[], []]);
  });

  it('because the process is stopping already does no work', async () => {
    stopping.abort();
    let runs = 0;
    const job = await lead(async () => ({ runs: (runs += 1) }));
    expect([job?.state, runs]).toEqual(['queued', 0]);
  });

  it('because another process has taken it over is left to that process', async () => {
    const job = await lead(async (run) => {
      await step(run, 1);
      await update({ lease_owner: randomUUID() });
      await step(run, 2);
      return {};
    });
    expect(job).toMatchObject({ state: 'running', checkpoint: { at: 1 }, phase: 'step 1', failures: 0 });
    expect(logged()).toEqual([
      'info',
      'Job was interrupted and will be continued by this or another process',
      { reason: 'lease lost' },
    ]);
    expect([await audits(), cleaned]).toEqual([[], []]);
  });

  it('begins no further step', async () => {
    let steps = 0;
    await lead(async (run) => {
      stopping.abort();
      await run.commit(async () => ({ checkpoint: {}, phase: 'late', value: (steps += 1) }));
      return {};
    });
    expect(steps).toBe(0);
  });
});

describe('the lease of a job', () => {
  it('is renewed while the job runs, and its rate is measured', async () => {
    const leases = new Set<number>();
    const job = await lead(
      async (run) => {
        for (let done = 0; leases.size < 3; done += 50) {
          await run.commit(async () => ({
            checkpoint: { done },
            phase: 'count',
            done,
            total: 1_000,
            value: undefined,
          }));
          leases.add((await db('matrix_admin.jobs').where({ id }).first('lease_until')).lease_until.getTime());
        }
        return { rate: (await findJob(db, id))?.rate };
      },
      {},
      400,
    );
    expect(job?.result?.rate).toBeGreaterThan(0);
    expect(job?.attempts).toBe(1);
  });

  it('that cannot be renewed is logged, and is lost when it has run out', async () => {
    const job = await lead(
      async (run) => {
        await db.raw('ALTER TABLE matrix_admin.jobs RENAME COLUMN rate TO speed');
        try {
          return await untilStopped(run);
        } finally {
          await db.raw('ALTER TABLE matrix_admin.jobs RENAME COLUMN speed TO rate');
        }
      },
      {},
      200,
    );
    expect(job).toMatchObject({ state: 'running', failures: 0 });
    expect(logger.lines[0]).toMatchObject({
      level: 'warn',
      message: 'Could not renew the lease of a job',
      fields: { job: 'x', jobId: id, error: 'PostgreSQL error 42703' },
    });
    expect(logger.lines.at(-1)?.fields).toMatchObject({ reason: 'lease lost' });
  });

  it('is lost when it has run out while the database does not answer', async () => {
    let waited = false;
    const blocker = await db.transaction();
    await lead(
      async (run) => {
        await blocker('matrix_admin.jobs').where({ id }).forUpdate();
        try {
          return await untilStopped(run);
        } finally {
          waited = await isSomebodyWaiting(db);
          await blocker.rollback();
        }
      },
      {},
      200,
    );
    expect(waited).toBe(true);
    expect(logger.lines.at(-1)?.fields).toMatchObject({ reason: 'lease lost' });
  });
});
