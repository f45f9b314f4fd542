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

/** Tells whether a job has ended: it has succeeded or failed, or it was cancelled. */
export function isFinished(job: Pick<Job, 'state'>): boolean {
  return job.state !== 'queued' && job.state !== 'running';
}

/** What the worker passes to a running job. @internal */
export interface JobRun {
  readonly job: Job;
  /** The id of this process. The lease of the job contains this id. */
  readonly owner: string;
  /**
   * Aborted when the job must stop in this process: the job was cancelled, the worker stops, or another process has taken over
   * the job.
   */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /**
   * Commits a step of the job. Runs `work` in a transaction that also stores the checkpoint which `work` returns. The
   * transaction fails if this process no longer runs the job. Throws the signal's reason if the signal is aborted, so that a
   * job with many steps need not check the signal itself.
   * @throws JobInterrupted if another process has taken over the job, or the job was cancelled
   */
  readonly commit: <T>(
    work: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<JobStep<T, object>>,
  ) => Promise<T>;
}

/** Returns the name that the audit and the metrics use for a job's end. */
export function outcomeOf({ state }: JobEnd): 'ok' | 'failed' | 'cancelled' {
  return state === 'succeeded' ? 'ok' : state;
}

/** A kind of long work. Its name is the name of the operation that starts it. @internal */
export interface JobKind {
  readonly kind: string;
  /** Number of successive failures without progress after which the job fails for good. */
  readonly maxFailures: number;
  /**
   * Does the work and returns the result. Continues from `run.job.checkpoint`. A process calls it only while the process holds
   * the job's lease.
   */
  readonly run: (run: JobRun) => Promise<JobData>;
  /** Does a share of a job that another process runs. Returns when there is nothing to share. */
  readonly assist?: (run: Pick<JobRun, 'job' | 'owner' | 'signal' | 'log'>) => Promise<void>;
  /** Removes what a cancelled or failed job has left behind. */
  readonly cleanUp: (job: Job) => Promise<void>;
  /** Called in the process that ran the job, after the end of the job has been committed. */
  readonly ended?: (job: Job, end: JobEnd) => void;
}

/** The error that a step throws when the job must stop in this process. It does not count as a failure of the job. */
export class JobInterrupted extends Error {
  override readonly name = 'JobInterrupted';
}
