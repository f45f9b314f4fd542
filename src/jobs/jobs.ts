import { setTimeout as delay } from 'node:timers/promises';
import { MatrixError } from '../errors.ts';
import type { Db } from '../storage/database.ts';
import { findJob } from '../storage/plugin/jobs.ts';
import { isFinished, type Job, type JobData } from './job.ts';
import { shownInput } from './shown-input.ts';

/** How often `wait()` and `watch()` read a job from the database, in ms. */
const WATCH_INTERVAL_MS = 250;

/** A job as callers see it. Times are in ms since the epoch. */
export interface JobView {
  readonly id: string;
  readonly kind: string;
  /** The operation that started the job. It has the same name as the kind. */
  readonly operation: string;
  /** The room, user or other thing that the job is about. */
  readonly target: string | null;
  /**
   * The operation's input, with defaults filled in. Secrets and message texts are left out. `null` if this version of the
   * plugin does not know the kind.
   */
  readonly input: JobData | null;
  readonly state: Job['state'];
  readonly phase: string | null;
  readonly done: number;
  readonly total: number | null;
  readonly percent: number | null;
  /**
   * Items per second. For a running job, it is the recent rate. For a job that has ended, it is the average of the whole run.
   */
  readonly rate: number | null;
  readonly etaMs: number | null;
  readonly attempts: number;
  readonly cancelRequested: boolean;
  /** The name of the actor who started the job, as the audit shows it. */
  readonly createdBy: string;
  readonly createdTs: number;
  readonly startedTs: number | null;
  readonly finishedTs: number | null;
  readonly result: Job['result'] | null;
  readonly error: string | null;
  /**
   * The code of the Matrix error with which the job failed. `null` if the job has not failed, or has failed with another error.
   */
  readonly errcode: string | null;
  readonly errorStatus: number | null;
}

/** Returns the form of a job that callers see. */
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

/** `admin.jobs` of the plugin. It waits for jobs that this process or another process runs. */
export interface Jobs {
  /**
   * Waits until a job has succeeded or failed or was cancelled, and returns the job.
   * @throws MatrixError `M_NOT_FOUND` if there is no such job. If the signal is aborted, the signal's reason is thrown.
   */
  readonly wait: (id: string, options?: { readonly signal?: AbortSignal }) => Promise<JobView>;
  /**
   * Yields the job now, after each change, and whenever `jobs.repeatProgressMs` have passed without a change. The last value is
   * the job as it ended.
   * @throws MatrixError `M_NOT_FOUND` if there is no such job. If the signal is aborted, the signal's reason is thrown.
   */
  readonly watch: (id: string, options?: { readonly signal?: AbortSignal }) => AsyncGenerator<JobView>;
}

const JOB_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const NOT_A_JOB = 'no such job; finished jobs are kept for a limited time';

/** Reads a job whose id comes from the caller. @throws MatrixError `M_NOT_FOUND` if there is no such job */
export async function requireJob(db: Db, id: string): Promise<Job> {
  const job = JOB_ID.test(id) ? await findJob(db, id) : undefined;
  if (job === undefined) throw new MatrixError('M_NOT_FOUND', NOT_A_JOB);
  return job;
}

export interface JobsServices {
  readonly db: Db;
  /** Aborted when the plugin stops. All calls of `wait()` and `watch()` then throw its reason. */
  readonly stopped: AbortSignal;
  /**
   * When this process has stopped running a job, this target fires an event whose type is the job id. `watch()` then reads the
   * job at once.
   */
  readonly changes: EventTarget;
  /**
   * How often `watch()` yields a job that does not change, in ms. The repetition keeps a stream alive, because proxies close
   * streams without data.
   */
  readonly repeatMs: number;
}

export function createJobs({ db, stopped, changes, repeatMs }: JobsServices): Jobs {
  const nextLook = async (id: string, signal: AbortSignal): Promise<void> => {
    const changed = new AbortController();
    const onChange = (): void => changed.abort();
    changes.addEventListener(id, onChange);
    // An aborted `delay` throws an error of its own. Ignore this error, because `watch()` throws the reason of the caller's
    // signal.
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
