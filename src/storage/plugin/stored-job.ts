/** States of a job. The last three are final. */
export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
/** State of a job: waiting, running, or ended in one of three ways. */
export type JobState = (typeof JOB_STATES)[number];

/** JSON that a job stores: input, checkpoint, result. */
export type JobData = Readonly<Record<string, unknown>>;

/** A job as it is stored. Times are in ms since the epoch. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly state: JobState;
  readonly input: JobData;
  /** The data from which the job resumes. `undefined` before the first step. */
  readonly checkpoint: JobData | undefined;
  readonly phase: string | undefined;
  readonly done: number;
  readonly total: number | undefined;
  /** Recent speed, in items per second. */
  readonly rate: number | undefined;
  /** Number of times that a process has started or resumed the job. */
  readonly attempts: number;
  /** Failures and lost processes since the last progress. */
  readonly failures: number;
  readonly cancelRequested: boolean;
  /** The room id, user id or other id that the job is about. */
  readonly target: string | undefined;
  readonly createdBy: string;
  readonly requestId: string | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly result: JobData | undefined;
  readonly error: string | undefined;
  /** Matrix error code, if the error is an answer for the caller. */
  readonly errcode: string | undefined;
  /** HTTP status of the answer with `errcode`. */
  readonly errorStatus: number | undefined;
}

/** The result of one step of a job. */
export interface JobStep<T, Checkpoint extends object = JobData> {
  /** The data from which another process resumes the job. */
  readonly checkpoint: Checkpoint;
  readonly phase: string;
  /** Number of items done since the job began. @defaultValue unchanged; work shared in ranges is counted in the ranges */
  readonly done?: number;
  /** Number of all items. @defaultValue unchanged */
  readonly total?: number;
  readonly value: T;
}

/** How a job's run ended. */
export type JobEnd =
  | { readonly state: 'succeeded'; readonly result: JobData }
  | { readonly state: 'failed'; readonly error: string; readonly errcode?: string; readonly status?: number }
  | { readonly state: 'cancelled' };
