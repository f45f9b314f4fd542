import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import type { JobKind, JobRun } from '../../src/jobs/job.ts';
import { createJobWorker, type JobWorker } from '../../src/jobs/job-worker.ts';
import { findJob, insertJob } from '../../src/storage/plugin/jobs.ts';
import { createCapturedLogger } from './captured-logger.ts';
import { WAIT_MS } from './wait-ms.ts';

export const LEASE_MS = 500;

export interface TestWorker extends JobWorker {
  readonly logger: ReturnType<typeof createCapturedLogger>;
}

export interface TestWorkerOptions {
  readonly leaseMs?: number;
  readonly retentionMs?: number;
  readonly concurrency?: number;
  readonly pollIntervalMs?: number;
  /**
   * The worker calls this function when a job has stopped running in this process. @defaultValue a function that does nothing
   */
  readonly left?: (jobId: string) => void;
}

/** Creates a worker that looks for jobs often and has a short lease. */
export function createTestWorker(
  db: Knex,
  kinds: readonly JobKind[],
  { left = () => {}, ...options }: TestWorkerOptions = {},
): TestWorker {
  const logger = createCapturedLogger();
  const config = {
    pollIntervalMs: 30,
    leaseMs: LEASE_MS,
    retentionMs: 60_000,
    concurrency: 2,
    answerWithinMs: 1_000,
    repeatProgressMs: 15_000,
    ...options,
  };
  return {
    ...createJobWorker({
      db,
      kinds,
      daily: [],
      config,
      auditRetentionMs: 60_000,
      everyMinute: async () => {},
      logger,
      left,
    }),
    logger,
  };
}

/** Makes a kind of job that runs `run`. */
export function kindOf(kind: string, run: JobKind['run'], rest: Partial<JobKind> = {}): JobKind {
  return { kind, maxFailures: 3, run, cleanUp: async () => {}, ...rest };
}

let count = 0;

/** Queues a job with a dedupe key of its own. */
export async function queueJob(
  db: Knex | Knex.Transaction,
  kind: string,
  dedupeKey = `key ${count++}`,
): Promise<string> {
  const { id } = await insertJob(db, { kind, dedupeKey, input: {}, createdBy: '@admin:x', requestId: 'request 1' });
  return id;
}

/** Makes a job look as if the process that ran it had died some time ago. */
export async function loseLeader(db: Knex, id: string): Promise<void> {
  await db('matrix_admin.jobs')
    .where({ id })
    .update({
      state: 'running',
      attempts: 1,
      started_at: db.fn.now(),
      lease_owner: db.raw('gen_random_uuid()'),
      lease_until: db.raw(`now() - interval '1 s'`),
    });
}

/** Commits a step that stores the job's progress. */
export function step(run: JobRun, at: number): Promise<void> {
  return run.commit(async () => ({ checkpoint: { at }, phase: `step ${at}`, value: undefined }));
}

/** Waits until the job must stop. */
export async function untilStopped({ signal }: Pick<JobRun, 'signal'>): Promise<never> {
  await delay(4 * WAIT_MS, undefined, { signal });
  throw new Error('waited too long to be stopped');
}

/** Waits until the job is in one of the states. */
export async function reach(db: Knex, id: string, ...states: readonly string[]): ReturnType<typeof findJob> {
  for (const end = Date.now() + WAIT_MS; Date.now() < end; await delay(5)) {
    const job = await findJob(db, id);
    if (job !== undefined && states.includes(job.state)) return job;
  }
  throw new Error(`the job has not reached the state ${states.join(' or ')}: ${JSON.stringify(await findJob(db, id))}`);
}
