import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { Config } from '../config.ts';
import { describeError, errorFields, MatrixError } from '../errors.ts';
import type { Logger } from '../host.ts';
import {
  claimJob,
  finishJob,
  handBackJob,
  type JobEnd,
  listLedByOthers,
  removeFinishedJobs,
  storeCheckpoint,
} from '../storage/plugin/jobs.ts';
import { insertAudit } from '../storage/plugin/audit.ts';
import { backoffMs } from './backoff.ts';
import { type Heartbeat, startHeartbeat, type StopReason } from './heartbeat.ts';
import { type Job, JobInterrupted, type JobKind, type JobRun } from './job.ts';

const SWEEP_INTERVAL_MS = 60_000;

/** Works on jobs of the database in this process, beside the workers of others. */
export interface JobWorker {
  readonly start: () => void;
  /** Looks for work now. */
  readonly wake: () => void;
  /** Hands back what is under way, and returns when nothing runs any more. */
  readonly stop: () => Promise<void>;
}

interface WorkerSettings {
  readonly db: Knex;
  readonly kinds: readonly JobKind[];
  readonly config: Config['jobs'];
  readonly logger: Logger;
}

export function createJobWorker({ db, kinds, config, logger }: WorkerSettings): JobWorker {
  const owner = randomUUID();
  const kindOf = new Map(kinds.map((kind) => [kind.kind, kind]));
  const shareable = kinds.filter((kind) => kind.assist !== undefined).map((kind) => kind.kind);
  const stopping = new AbortController();
  const running = new Map<string, Promise<void>>();
  let leading = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let wokenWhileLooking = false;
  let sweptAt = 0;

  const track = (key: string, work: Promise<void>): void => {
    const tracked = work
      .catch((error: unknown) => logger.error(errorFields(error), 'Job worker failed'))
      .finally(() => {
        running.delete(key);
        wake();
      });
    running.set(key, tracked);
  };

  const look = async (): Promise<void> => {
    if (Date.now() - sweptAt > SWEEP_INTERVAL_MS) {
      sweptAt = Date.now();
      await removeFinishedJobs(db, config.retentionMs);
    }
    while (leading < config.concurrency && !stopping.signal.aborted) {
      const job = await claimJob(db, [...kindOf.keys()], owner, config.leaseMs);
      const kind = job && kindOf.get(job.kind);
      if (job === undefined || kind === undefined) break;
      leading += 1;
      track(
        `lead ${job.id}`,
        lead(job, kind).finally(() => {
          leading -= 1;
        }),
      );
    }
    if (shareable.length === 0 || stopping.signal.aborted) return;
    for (const job of await listLedByOthers(db, shareable, owner)) {
      const kind = kindOf.get(job.kind);
      if (kind !== undefined && !running.has(`assist ${job.id}`)) track(`assist ${job.id}`, assist(job, kind));
    }
  };

  const schedule = (): void => {
    if (!stopping.signal.aborted) timer = setTimeout(wake, config.pollIntervalMs);
  };

  function wake(): void {
    if (stopping.signal.aborted) return;
    if (looking !== undefined) {
      wokenWhileLooking = true;
      return;
    }
    clearTimeout(timer);
    wokenWhileLooking = false;
    looking = look()
      .catch((error: unknown) => logger.warn(errorFields(error), 'Could not look for jobs'))
      .finally(() => {
        looking = undefined;
        if (wokenWhileLooking) wake();
        else schedule();
      });
  }

  async function assist(job: Job, kind: JobKind): Promise<void> {
    const log = jobLogger(logger, job);
    try {
      await kind.assist?.({ job, owner, signal: stopping.signal, log });
    } catch (error) {
      if (!stopping.signal.aborted) log.warn(errorFields(error), 'Could not share the work of a job');
    }
  }

  async function lead(job: Job, kind: JobKind): Promise<void> {
    const log = jobLogger(logger, job);
    const controller = new AbortController();
    const stop = (): void => controller.abort('stopped' satisfies StopReason);
    stopping.signal.addEventListener('abort', stop, { once: true });
    const heartbeat = startHeartbeat({ db, job, owner, leaseMs: config.leaseMs, log }, controller);
    try {
      const end = await runToEnd(job, kind, controller, heartbeat, log);
      if (end !== undefined) await settle(job, end, log);
    } finally {
      heartbeat.stop();
      stopping.signal.removeEventListener('abort', stop);
    }
  }

  /** How the job ended; `undefined` when it is to be gone on with, here or elsewhere. */
  async function runToEnd(
    job: Job,
    kind: JobKind,
    controller: AbortController,
    heartbeat: Heartbeat,
    log: Logger,
  ): Promise<JobEnd | undefined> {
    try {
      if (job.cancelRequested) controller.abort('cancelled' satisfies StopReason);
      controller.signal.throwIfAborted();
      if (job.failures >= kind.maxFailures) {
        throw new MatrixError('M_UNKNOWN', `given up after ${job.failures} failures in a row`);
      }
      return { state: 'succeeded', result: await kind.run(jobRun(job, controller.signal, log)) };
    } catch (error) {
      if (!controller.signal.aborted && error instanceof JobInterrupted) await heartbeat.beat();
      if (controller.signal.aborted) return await interrupted(job, kind, String(controller.signal.reason), log);
      return await failed(job, kind, error, log);
    }
  }

  async function interrupted(job: Job, kind: JobKind, reason: string, log: Logger): Promise<JobEnd | undefined> {
    if (reason === 'cancelled') {
      await kind.cleanUp(job);
      return { state: 'cancelled' };
    }
    log.info({ reason }, 'Job goes on later or elsewhere');
    if (reason === 'stopped') await handBackJob(db, job.id, owner, 0, undefined);
    return undefined;
  }

  async function failed(job: Job, kind: JobKind, error: unknown, log: Logger): Promise<JobEnd | undefined> {
    const failures = job.failures + 1;
    const message = describeError(error);
    if (error instanceof MatrixError || failures >= kind.maxFailures) {
      log.error(errorFields(error), 'Job failed');
      await kind.cleanUp(job);
      return { state: 'failed', error: message };
    }
    const delayMs = backoffMs(failures);
    log.warn({ ...errorFields(error), failures, delayMs }, 'Job failed and will be tried again');
    await handBackJob(db, job.id, owner, delayMs, message);
    return undefined;
  }

  async function settle(job: Job, end: JobEnd, log: Logger): Promise<void> {
    await db.transaction(async (transaction) => {
      if (!(await finishJob(transaction, job.id, owner, end))) return;
      await insertAudit(transaction, {
        operation: `job.${job.kind}.${end.state}`,
        outcome: end.state === 'failed' ? 'failed' : 'ok',
        actor: job.createdBy,
        jobId: job.id,
        requestId: job.requestId ?? job.id,
      });
    });
    log.info({ state: end.state }, 'Job ended');
  }

  function jobRun(job: Job, signal: AbortSignal, log: Logger): JobRun {
    return {
      job,
      owner,
      signal,
      log,
      commit: (work) =>
        db.transaction(async (transaction) => {
          const { value, ...step } = await work(transaction);
          const stored = await storeCheckpoint(transaction, job.id, owner, { total: undefined, ...step });
          if (!stored) throw new JobInterrupted();
          return value;
        }),
    };
  }

  return {
    start: wake,
    wake,
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await looking;
      await Promise.all(running.values());
    },
  };
}

/** Adds the job's kind and id to every line. */
function jobLogger(logger: Logger, { id, kind }: Pick<Job, 'id' | 'kind'>): Logger {
  const bind =
    (level: keyof Logger) =>
    (fields: Record<string, unknown>, message: string): void =>
      logger[level]({ job: kind, jobId: id, ...fields }, message);
  return { debug: bind('debug'), info: bind('info'), warn: bind('warn'), error: bind('error') };
}

