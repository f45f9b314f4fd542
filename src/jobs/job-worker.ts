import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { errorFields } from '../errors.ts';
import type { Logger } from '../host.ts';
import { allEnded } from '../storage/database.ts';
import { removeOldApprovals } from '../storage/plugin/approvals.ts';
import { removeOldAudit } from '../storage/plugin/audit.ts';
import { claimJob, listLedByOthers, removeFinishedJobs } from '../storage/plugin/jobs.ts';
import { cleanUpJobs } from './clean-up-jobs.ts';
import { type DailyJob, queueDailyJobs } from './daily-jobs.ts';
import { endUnledJobs } from './end-unled-jobs.ts';
import type { Job, JobKind } from './job.ts';
import { jobLogger } from './job-logger.ts';
import { leadJob } from './lead-job.ts';

const SWEEP_INTERVAL_MS = 60_000;

/** Runs jobs from the database in this process. Each process of the homeserver has one worker. */
export interface JobWorker {
  readonly start: () => void;
  /** Looks for work now. Does nothing before `start()`. */
  readonly wake: () => void;
  /** Stops the running jobs so that another process can continue them. Resolves when nothing runs any more. */
  readonly stop: () => Promise<void>;
}

/** The members of `options.jobs` that the worker uses. Times are in ms. */
interface JobSettings {
  readonly pollIntervalMs: number;
  readonly leaseMs: number;
  readonly retentionMs: number;
  readonly concurrency: number;
}

interface WorkerSettings {
  readonly db: Knex;
  readonly kinds: readonly JobKind[];
  readonly daily: readonly DailyJob[];
  readonly config: JobSettings;
  /** How long audit entries and expired approvals are kept, in ms. */
  readonly auditRetentionMs: number;
  readonly logger: Logger;
  /**
   * Called when the worker starts, and then every minute. Removes expired rows of other tables, and begins work that has become
   * due.
   */
  readonly everyMinute: () => Promise<void>;
  /** Called when this process has stopped running a job, whether the job has ended or not. */
  readonly left: (jobId: string) => void;
}

export function createJobWorker({
  db,
  kinds,
  daily,
  config,
  auditRetentionMs,
  everyMinute,
  logger,
  left,
}: WorkerSettings): JobWorker {
  const owner = randomUUID();
  const kindOf = new Map(kinds.map((kind) => [kind.kind, kind]));
  const shareable = kinds.filter((kind) => kind.assist !== undefined).map((kind) => kind.kind);
  const stopping = new AbortController();
  const leader = { db, owner, leaseMs: config.leaseMs, logger, stopping: stopping.signal };
  /**
   * Jobs that run in this process, by job id. The process does not claim a job of this map. Otherwise it could lose the lease
   * of a job, and claim the job again while the first run of the job has not ended.
   */
  const leads = new Map<string, { readonly kind: string; readonly work: Promise<void> }>();
  let cleaning: Promise<void> | undefined;
  const assists = new Map<string, { readonly work: Promise<void>; readonly end: AbortController }>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let wokenWhileLooking = false;
  let sweptAt = 0;
  let started = false;

  const lead = (job: Job, kind: JobKind): void => {
    assists.get(job.id)?.end.abort();
    const work = leadJob(leader, job, kind)
      .catch((error: unknown) => logger.error(errorFields(error), 'Job worker failed'))
      .finally(() => {
        leads.delete(job.id);
        left(job.id);
        wake();
      });
    leads.set(job.id, { kind: job.kind, work });
  };

  const assist = (job: Job, { assist: share }: JobKind): void => {
    if (share === undefined || assists.has(job.id) || leads.has(job.id)) return;
    const log = jobLogger(logger, job);
    const end = new AbortController();
    const signal = AbortSignal.any([stopping.signal, end.signal]);
    // Do not look for work again as soon as `share()` returns, because most phases of a job have nothing to share.
    const work = share({ job, owner, signal, log })
      .catch((error: unknown) => {
        if (!signal.aborted) log.warn(errorFields(error), 'Could not help another process with a job');
      })
      .finally(() => assists.delete(job.id));
    assists.set(job.id, { work: work.then(() => undefined), end });
  };

  /**
   * Starts a clean-up, unless one is running. The clean-up runs in parallel with the jobs, because a search engine that is down
   * must not delay the jobs.
   */
  const cleanUp = (): void => {
    cleaning ??= cleanUpJobs({ ...leader, kinds: kindOf })
      .catch((error: unknown) =>
        logger.warn(errorFields(error), 'Could not search for what ended jobs have left behind'),
      )
      .finally(() => {
        cleaning = undefined;
      });
  };

  const sweep = async (): Promise<void> => {
    if (Date.now() - sweptAt <= SWEEP_INTERVAL_MS) return;
    sweptAt = Date.now();
    await allEnded([
      endUnledJobs({ db, served: [...kindOf.keys()], abandonedMs: config.retentionMs, logger }),
      removeFinishedJobs(db, config.retentionMs),
      removeOldAudit(db, auditRetentionMs),
      removeOldApprovals(db, auditRetentionMs),
      queueDailyJobs(db, daily),
      everyMinute(),
    ]);
  };

  /**
   * Returns the kinds of which this process may run one more job. The limit applies to each kind separately, so that many jobs
   * of one kind cannot delay jobs of another kind.
   */
  const kindsWithRoom = (): string[] =>
    [...kindOf.keys()].filter(
      (kind) => [...leads.values()].filter((led) => led.kind === kind).length < config.concurrency,
    );

  const look = async (): Promise<void> => {
    await sweep();
    cleanUp();
    while (!stopping.signal.aborted) {
      const claim = { owner, leaseMs: config.leaseMs, except: [...leads.keys()] };
      const job = await claimJob(db, kindsWithRoom(), claim);
      const kind = job && kindOf.get(job.kind);
      if (job === undefined || kind === undefined) break;
      lead(job, kind);
    }
    if (shareable.length === 0 || stopping.signal.aborted) return;
    for (const job of await listLedByOthers(db, shareable, owner)) {
      const kind = kindOf.get(job.kind);
      if (kind !== undefined && !stopping.signal.aborted) assist(job, kind);
    }
  };

  const schedule = (): void => {
    if (!stopping.signal.aborted) timer = setTimeout(wake, config.pollIntervalMs);
  };

  function wake(): void {
    if (!started || stopping.signal.aborted) return;
    if (looking !== undefined) {
      wokenWhileLooking = true;
      return;
    }
    clearTimeout(timer);
    wokenWhileLooking = false;
    looking = look()
      .catch((error: unknown) => logger.warn(errorFields(error), 'Could not search for jobs to run'))
      .finally(() => {
        looking = undefined;
        if (wokenWhileLooking) wake();
        else schedule();
      });
  }

  return {
    start: () => {
      started = true;
      wake();
    },
    wake,
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await looking;
      await Promise.all([cleaning, ...[...leads.values(), ...assists.values()].map(({ work }) => work)]);
    },
  };
}
