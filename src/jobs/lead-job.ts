import type { Knex } from 'knex';
import { describeError, errorFields, MatrixError } from '../errors.ts';
import type { Logger } from '../host.ts';
import { isConflict } from '../storage/database-failures.ts';
import { countFailure, finishJob, handBackJob, storeCheckpoint } from '../storage/plugin/led-jobs.ts';
import { retryConflicts, transact } from '../storage/transact.ts';
import { auditEnd } from './audit-end.ts';
import { backoffMs } from './backoff.ts';
import { type Heartbeat, type StopReason, startHeartbeat } from './heartbeat.ts';
import { type Job, type JobEnd, JobInterrupted, type JobKind, type JobRun } from './job.ts';
import { jobLogger } from './job-logger.ts';
import { shownInput } from './shown-input.ts';

/** Time in ms before a job runs again after a deadlock or a serialization failure. */
const CONFLICT_DELAY_MS = 200;

interface LeaderSettings {
  readonly db: Knex;
  readonly owner: string;
  readonly leaseMs: number;
  readonly logger: Logger;
  /** Aborted when this process must stop its jobs, so that other processes can continue them. */
  readonly stopping: AbortSignal;
}

/** A job that this process runs, and what is needed to run it. */
interface Lead extends LeaderSettings {
  readonly job: Job;
  readonly kind: JobKind;
  readonly log: Logger;
  /** Aborts the run. The abort reason is a `StopReason`. */
  readonly controller: AbortController;
  readonly heartbeat: Heartbeat;
}

/**
 * Runs a job that this process has claimed. Returns when the job has ended, must be tried again later, or has moved to another
 * process.
 */
export async function leadJob(settings: LeaderSettings, job: Job, kind: JobKind): Promise<void> {
  const log = jobLogger(settings.logger, job);
  const controller = new AbortController();
  const stop = (): void => controller.abort('stopped' satisfies StopReason);
  settings.stopping.addEventListener('abort', stop, { once: true });
  if (settings.stopping.aborted) stop();
  if (job.cancelRequested) controller.abort('cancelled' satisfies StopReason);
  const heartbeat = startHeartbeat({ ...settings, job, log }, controller);
  const lead = { ...settings, job, kind, log, controller, heartbeat };
  try {
    const end = await runToEnd(lead);
    if (end !== undefined) await settle(lead, end);
  } finally {
    await heartbeat.stop();
    settings.stopping.removeEventListener('abort', stop);
  }
}

/** Runs the job. Returns how it ended, or `undefined` if the job continues later in any process. */
async function runToEnd(lead: Lead): Promise<JobEnd | undefined> {
  const { job, kind, controller, heartbeat } = lead;
  try {
    controller.signal.throwIfAborted();
    if (job.failures >= kind.maxFailures) {
      const last = job.error === undefined ? '' : `; the last error: ${job.error}`;
      throw new MatrixError('M_UNKNOWN', `the job has failed ${job.failures} times in a row${last}`);
    }
    return { state: 'succeeded', result: await kind.run(jobRun(lead)) };
  } catch (error) {
    if (!controller.signal.aborted) await heartbeat.beat();
    if (controller.signal.aborted) return interrupted(lead, String(controller.signal.reason));
    return failed(lead, error);
  }
}

async function interrupted({ db, owner, job, kind, log }: Lead, reason: string): Promise<JobEnd | undefined> {
  if (reason === 'cancelled') {
    await kind.cleanUp(job);
    return { state: 'cancelled' };
  }
  log.info({ reason }, 'Job was interrupted and will be continued by this or another process');
  if (reason === 'stopped') await handBackJob(db, job.id, owner, 0);
  return undefined;
}

async function failed({ db, owner, job, kind, log }: Lead, error: unknown): Promise<JobEnd | undefined> {
  if (isConflict(error)) {
    // PostgreSQL has rolled the step back because of a conflict with other transactions. The job continues after the last step
    // that was committed.
    log.warn(
      { ...errorFields(error), delayMs: CONFLICT_DELAY_MS },
      'Job conflicted with a transaction and will be continued later',
    );
    await handBackJob(db, job.id, owner, CONFLICT_DELAY_MS);
    return undefined;
  }
  const message = describeError(error);
  const failures = await countFailure(db, job.id, owner, message);
  if (failures === undefined) {
    log.warn(errorFields(error), 'Job failed in this process and will be continued by another process');
    return undefined;
  }
  if (error instanceof MatrixError || failures >= kind.maxFailures) {
    // A `MatrixError` with a status below 500 answers the caller. It is not a server fault, so log it as a warning.
    const level = error instanceof MatrixError && error.status < 500 ? 'warn' : 'error';
    log[level](errorFields(error), 'Job failed');
    await kind.cleanUp(job);
    const answer = error instanceof MatrixError && { errcode: error.errcode, status: error.status };
    return { state: 'failed', error: message, ...answer };
  }
  const delayMs = backoffMs(failures);
  log.warn({ ...errorFields(error), failures, delayMs }, 'Job failed and will be tried again');
  await handBackJob(db, job.id, owner, delayMs);
  return undefined;
}

async function settle({ db, owner, job, kind, log }: Lead, end: JobEnd): Promise<void> {
  const ended = await retryConflicts(() =>
    transact(db, async (transaction) => {
      // After the job's end, its row keeps only the input parameters that callers may see. `finishJob()` removes all other
      // input parameters, for example message texts.
      if (!(await finishJob(transaction, job.id, owner, end, shownInput(job) ?? {}))) return false;
      await auditEnd(transaction, job, end);
      return true;
    }),
  );
  if (!ended) return;
  log.info({ state: end.state }, 'Job ended');
  kind.ended?.(job, end);
}

function jobRun({ db, owner, job, controller, log }: Lead): JobRun {
  return {
    job,
    owner,
    signal: controller.signal,
    log,
    commit: async (work) => {
      controller.signal.throwIfAborted();
      return transact(db, async (transaction, afterCommit) => {
        const { value, ...step } = await work(transaction, afterCommit);
        const stored = await storeCheckpoint(transaction, job.id, owner, step);
        if (!stored) throw new JobInterrupted();
        return value;
      });
    },
  };
}
