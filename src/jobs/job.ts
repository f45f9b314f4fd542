import type { Knex } from 'knex';
import type { Logger } from '../host.ts';
import type { Job, JobData, JobEnd, JobStep } from '../storage/plugin/stored-job.ts';
import type { AfterCommit } from '../storage/transact.ts';

export {
  JOB_STATES,
  type Job,
  type JobData,
  type JobEnd,
  type JobState,
  type JobStep,
} from '../storage/plugin/stored-job.ts';

/** Whether a job is over. */
export function isFinished(job: Pick<Job, 'state'>): boolean {
  return job.state !== 'queued' && job.state !== 'running';
}

/** What a running job is given. */
export interface JobRun {
  readonly job: Job;
  /** Identifies this process in leases. */
  readonly owner: string;
  /** Aborted when the job must stop: cancelled, handed back by `stop()`, or taken over by another process. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /**
   * Commits a step: runs `work` in a transaction that first checks that this process still leads the job, and that
   * stores the checkpoint.
   * @throws JobInterrupted if this process no longer leads the job, or the job was cancelled; the signal's reason once the
   * signal is aborted, so that a job of many steps need not look at the signal itself
   */
  readonly commit: <T>(
    work: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<JobStep<T, object>>,
  ) => Promise<T>;
}

/** The outcome of a job's end, as the audit and the metrics name it. */
export function outcomeOf({ state }: JobEnd): 'ok' | 'failed' | 'cancelled' {
  return state === 'succeeded' ? 'ok' : state;
}

/** A kind of long work. It has the name of the operation that starts it. */
export interface JobKind {
  readonly kind: string;
  /** Failures in a row without progress, after which the job is given up. */
  readonly maxFailures: number;
  /** Does the work, from `run.job.checkpoint` on, and returns the result. Called in one process at a time. */
  readonly run: (run: JobRun) => Promise<JobData>;
  /** Does a share of a job that another process leads. Returns when there is nothing to share. */
  readonly assist?: (run: Pick<JobRun, 'job' | 'owner' | 'signal' | 'log'>) => Promise<void>;
  /** Removes what a cancelled or failed job leaves behind. */
  readonly cleanUp: (job: Job) => Promise<void>;
  /** Called in the leading process once the end of the job has been committed. */
  readonly ended?: (job: Job, end: JobEnd) => void;
}

/** Thrown by a step when the job must stop in this process. It does not count as a failure. */
export class JobInterrupted extends Error {
  override readonly name = 'JobInterrupted';
}
