import { setTimeout as delay } from 'node:timers/promises';
import { MatrixError } from '../errors.ts';
import type { Db } from '../storage/database.ts';
import { findJob } from '../storage/plugin/jobs.ts';
import { isFinished, type Job, type JobData } from './job.ts';
import { shownInput } from './shown-input.ts';

/** How often `wait()` and the event stream look at a job, in ms. */
const WATCH_INTERVAL_MS = 250;

/** A job as callers see it. Times are in ms since the epoch. */
export interface JobView {
  readonly id: string;
  readonly kind: string;
  /** The operation that started it, which is also its kind. */
  readonly operation: string;
  /** The room, user or other thing that the job is about. */
  readonly target: string | null;
  /**
   * The operation's input with defaults filled in, without secrets and texts of messages. `null` for kinds that this version
   * does not know.
   */
  readonly input: JobData | null;
  readonly state: Job['state'];
  readonly phase: string | null;
  readonly done: number;
  readonly total: number | null;
  readonly percent: number | null;
  /** Items per second: recent while the job runs, over the whole run once it has ended. */
  readonly rate: number | null;
  readonly etaMs: number | null;
  readonly attempts: number;
  readonly cancelRequested: boolean;
  /** Who started it. */
  readonly createdBy: string;
  readonly createdTs: number;
  readonly startedTs: number | null;
  readonly finishedTs: number | null;
  readonly result: Job['result'] | null;
  readonly error: string | null;
  /** Error code, if the error answers the caller, with its HTTP status. */
  readonly errcode: string | null;
  readonly errorStatus: number | null;
}

/** The public form of a job. */
export function viewJob(job: Job): JobView {
  const { total, rate } = job;
  const left = total === undefined ? undefined : Math.max(total - job.done, 0);
  return {
    id: job.id,
    kind: job.kind,
    operation: job.kind,
    target: job.target ?? null,
    input: shownInput(job),
    state: job.state,
    phase: isFinished(job) ? null : (job.phase ?? null),
    done: job.done,
    total: total ?? null,
    percent: percentOf(job),
    rate: rate === undefined ? null : Math.round(rate * 10) / 10,
    etaMs: job.state === 'running' && left !== undefined && rate ? Math.round((left / rate) * 1_000) : null,
    attempts: job.attempts,
    cancelRequested: job.cancelRequested,
    createdBy: job.createdBy,
    createdTs: job.createdAt,
    startedTs: job.startedAt ?? null,
    finishedTs: job.finishedAt ?? null,
    result: job.result ?? null,
    error: job.error ?? null,
    errcode: job.errcode ?? null,
    errorStatus: job.errorStatus ?? null,
  };
}

function percentOf({ state, done, total }: Job): number | null {
  if (state === 'succeeded') return 100;
  if (total === undefined) return null;
  return total === 0 ? 0 : Math.min(Math.floor((done / total) * 1_000) / 10, 100);
}

/** `admin.jobs`: watches jobs of this and other processes. */
export interface Jobs {
  /**
   * Waits until a job has ended, in whatever state, and returns it.
   * @throws MatrixError `M_NOT_FOUND` when there is no such job; the signal's reason when it is aborted
   */
  readonly wait: (id: string, options?: { readonly signal?: AbortSignal }) => Promise<JobView>;
  /**
   * Yields the job now, after each change, and every `jobs.repeatProgressMs` without a change. Ends with the job's end.
   * @throws MatrixError `M_NOT_FOUND` when there is no such job; the signal's reason when it is aborted
   */
  readonly watch: (id: string, options?: { readonly signal?: AbortSignal }) => AsyncGenerator<JobView>;
}

const JOB_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const NOT_A_JOB = 'no such job; finished jobs are kept for a limited time';

/** Reads a job that the caller named. @throws MatrixError `M_NOT_FOUND` */
export async function requireJob(db: Db, id: string): Promise<Job> {
  const job = JOB_ID.test(id) ? await findJob(db, id) : undefined;
  if (job === undefined) throw new MatrixError('M_NOT_FOUND', NOT_A_JOB);
  return job;
}

export interface JobsServices {
  readonly db: Db;
  /** Ends every wait. */
  readonly stopped: AbortSignal;
  /** Fires an event named after the job id when a run in this process is over, so that waits look at the job at once. */
  readonly changes: EventTarget;
  /** How often an unchanged job is repeated, in ms, because proxies cut silent streams. */
  readonly repeatMs: number;
}

export function createJobs({ db, stopped, changes, repeatMs }: JobsServices): Jobs {
  const nextLook = async (id: string, signal: AbortSignal): Promise<void> => {
    const changed = new AbortController();
    const onChange = (): void => changed.abort();
    changes.addEventListener(id, onChange);
    // An aborted delay throws an error of its own; the caller's reason is thrown by `watch`.
    await delay(WATCH_INTERVAL_MS, undefined, { signal: AbortSignal.any([signal, changed.signal]) }).catch(() => {});
    changes.removeEventListener(id, onChange);
  };

  async function* watch(id: string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<JobView> {
    const signal = options.signal ? AbortSignal.any([options.signal, stopped]) : stopped;
    let shown = '';
    let shownAt = 0;
    for (;;) {
      signal.throwIfAborted();
      const job = viewJob(await requireJob(db, id));
      if (isFinished(job)) {
        yield job;
        return;
      }
      const text = JSON.stringify(job);
      if (text !== shown || Date.now() - shownAt >= repeatMs) {
        shownAt = Date.now();
        yield job;
      }
      shown = text;
      await nextLook(id, signal);
    }
  }
  return {
    watch,
    wait: async (id, options) => {
      let last: JobView | undefined;
      for await (const job of watch(id, options)) last = job;
      if (last === undefined) throw new MatrixError('M_NOT_FOUND', NOT_A_JOB);
      return last;
    },
  };
}
