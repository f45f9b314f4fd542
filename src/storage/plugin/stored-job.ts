/** States of a job. A job in one of the last three states has ended. */
export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
/**
 * State of a job. A `queued` job waits for a process. A process has started a `running` job. A job in another state has ended.
 */
export type JobState = (typeof JOB_STATES)[number];

/** JSON that a job stores: its input, its checkpoint or its result. */
export type JobData = Readonly<Record<string, unknown>>;

/** A job as it is stored. Times are in ms since the epoch. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly state: JobState;
  readonly input: JobData;
  /** The data with which the job can be resumed. `undefined` before the first step. */
  readonly checkpoint: JobData | undefined;
  readonly phase: string | undefined;
  readonly done: number;
  readonly total: number | undefined;
  /** Recent speed, in items per second. */
  readonly rate: number | undefined;
  /** How often a process has started or resumed the job. */
  readonly attempts: number;
  /** Number of failures since the last progress. A process that died while it ran the job counts as a failure. */
  readonly failures: number;
  readonly cancelRequested: boolean;
  /** The id of the room, user or other thing that the job is about. */
  readonly target: string | undefined;
  readonly createdBy: string;
  readonly requestId: string | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly result: JobData | undefined;
  readonly error: string | undefined;
  /** Code of the Matrix error with which the job has failed. The caller gets this error as the answer. */
  readonly errcode: string | undefined;
  /** HTTP status that belongs to `errcode`. */
  readonly errorStatus: number | undefined;
}

/** The result of one step of a job. A step is one transaction. */
export interface JobStep<T, Checkpoint extends object = JobData> {
  /** The data with which this process or another one can resume the job. */
  readonly checkpoint: Checkpoint;
  readonly phase: string;
  /**
   * Number of items that have been processed since the job began. Jobs that split their work into ranges leave this out: the
   * rows of the ranges have the numbers, and the job's number is their sum. @defaultValue the number does not change
   */
  readonly done?: number;
  /** Total number of items. @defaultValue the number does not change */
  readonly total?: number;
  readonly value: T;
}

/** How a job has ended. */
export type JobEnd =
  | { readonly state: 'succeeded'; readonly result: JobData }
  | { readonly state: 'failed'; readonly error: string; readonly errcode?: string; readonly status?: number }
  | { readonly state: 'cancelled' };
