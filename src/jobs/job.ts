import type { Knex } from 'knex';
import type { Logger } from '../host.ts';

export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** JSON that a job keeps: input, checkpoint, result. */
export type JobData = Readonly<Record<string, unknown>>;

/** A job as it is stored. Times are in ms since the epoch. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly state: JobState;
  readonly input: JobData;
  /** What the job has written down to go on from; `undefined` before the first step. */
  readonly checkpoint: JobData | undefined;
  readonly phase: string | undefined;
  readonly done: number;
  readonly total: number | undefined;
  /** Items per second, lately. */
  readonly rate: number | undefined;
  /** How often a process has begun or resumed it. */
  readonly attempts: number;
  /** Failures and lost processes since it last got on. */
  readonly failures: number;
  readonly cancelRequested: boolean;
  /** The room, user or other thing that it is about. */
  readonly target: string | undefined;
  readonly createdBy: string;
  readonly requestId: string | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly result: JobData | undefined;
  readonly error: string | undefined;
  /** Of an error that is an answer to whoever wanted the job. */
  readonly errcode: string | undefined;
  /** HTTP status that goes with it. */
  readonly errorStatus: number | undefined;
}

/** Kinds that are not called as the operation is that starts such jobs. */
const OPERATION_OF_KIND: Readonly<Record<string, string | undefined>> = { fulltextReindex: 'reindexFulltext' };

/** The operation that starts jobs of a kind. The kind may be of another version of the package. */
export function operationOf(kind: string): string {
  return OPERATION_OF_KIND[kind] ?? kind;
}

/** Whether a job is over. */
export function isFinished(job: Pick<Job, 'state'>): boolean {
  return job.state !== 'queued' && job.state !== 'running';
}

/** What a running job is given. */
export interface JobRun {
  readonly job: Job;
  /** Identifies this process in leases. */
  readonly owner: string;
  /** Aborted when the job is to stop: cancelled, handed back by `stop()`, or taken over by another process. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /**
   * Commits a step: runs `work` in a transaction that has made sure that this process still leads the job, and stores
   * the checkpoint in it.
   * @throws JobInterrupted when it does not lead it any more, or the job was cancelled; the signal's reason once it is
   * aborted, so that a job of many steps ends here without looking at the signal itself
   */
  readonly commit: <T>(work: (transaction: Knex.Transaction) => Promise<JobStep<T>>) => Promise<T>;
}

/** What a step of a job has come to. */
export interface JobStep<T> {
  /** What the job goes on from if this process dies. */
  readonly checkpoint: JobData;
  readonly phase: string;
  /** Items done since the job began. @defaultValue as before; work that is shared in ranges is counted there */
  readonly done?: number;
  /** @defaultValue as before */
  readonly total?: number;
  readonly value: T;
}

/** How a job's run ended. */
export type JobEnd =
  | { readonly state: 'succeeded'; readonly result: JobData }
  | { readonly state: 'failed'; readonly error: string; readonly errcode?: string; readonly status?: number }
  | { readonly state: 'cancelled' };

/** What the audit and the metrics call the way a job has ended. */
export function outcomeOf({ state }: JobEnd): 'ok' | 'failed' | 'cancelled' {
  return state === 'succeeded' ? 'ok' : state;
}

/** A kind of long work. */
export interface JobKind {
  readonly kind: string;
  /** Failures in a row, without progress between, after which the job is given up. */
  readonly maxFailures: number;
  /** Does the work, from `run.job.checkpoint` on, and returns the result. Called in one process at a time. */
  readonly run: (run: JobRun) => Promise<JobData>;
  /** Does a share of a job that another process leads; returns when there is nothing to share. */
  readonly assist?: (run: Pick<JobRun, 'job' | 'owner' | 'signal' | 'log'>) => Promise<void>;
  /** Removes what a cancelled or failed job leaves behind. */
  readonly cleanUp: (job: Job) => Promise<void>;
  /** Told once the end of a job has been committed, in the process that led it. */
  readonly ended?: (job: Job, end: JobEnd) => void;
}

/** Thrown by steps of a job that is to stop here; not a failure. */
export class JobInterrupted extends Error {
  override readonly name = 'JobInterrupted';
}
