/** The states of a job. */
export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
/**
 * State of a job. A `queued` job waits until a process starts it. A process has started a `running` job. A job in any other
 * state has ended.
 */
export type JobState = (typeof JOB_STATES)[number];

/** JSON that a job stores: its input, its checkpoint or its result. */
export type JobData = Readonly<Record<string, unknown>>;

/** A job as it is stored. Times are in ms since the epoch. @internal */
export interface Job {
  readonly id: string;
  /** The name of the operation that the job runs. */
  readonly kind: string;
  readonly state: JobState;
  readonly input: JobData;
  /** The data with which a process can resume the job. `undefined` before the first step, and after the end. */
  readonly checkpoint: JobData | undefined;
  /** The name of the part of the work that the job is doing, or was doing when it ended. `undefined` before the first step. */
  readonly phase: string | undefined;
  /** Number of items that the job has processed, such as rooms or events. */
  readonly done: number;
  /** Number of all items. `undefined` if it is not known. */
  readonly total: number | undefined;
  /** Processed items per second: the recent rate of a running job, and the average of a job that has ended. */
  readonly rate: number | undefined;
  /** How often a process has claimed the job, to start or resume it. */
  readonly attempts: number;
  /** Number of failures since the last progress. If a process dies while it runs the job, this counts as a failure. */
  readonly failures: number;
  /** Whether an administrator has asked to cancel the job. */
  readonly cancelRequested: boolean;
  /** The id of the room, user or other thing that the job is about. */
  readonly target: string | undefined;
  readonly createdBy: string;
  readonly requestId: string | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly result: JobData | undefined;
  /** Text of the last failure. */
  readonly error: string | undefined;
  /**
   * Code of the Matrix error with which the job has failed. A caller who waits for the job gets this error as the answer.
   * `undefined` if the job has failed with another error, or has not failed.
   */
  readonly errcode: string | undefined;
  /** HTTP status that belongs to `errcode`. */
  readonly errorStatus: number | undefined;
}

/** The result of one step of a job. A step is one transaction. @internal */
export interface JobStep<T, Checkpoint extends object = JobData> {
  /** The data with which any process can resume the job after this step. */
  readonly checkpoint: Checkpoint;
  /** The name of the part of the work to which the step belongs. */
  readonly phase: string;
  /**
   * Number of items that the job has processed since it began. A job that splits its work into ranges leaves this field out,
   * because the number of items is stored for each range. @defaultValue the number does not change
   */
  readonly done?: number;
  /** Total number of items. @defaultValue the number does not change */
  readonly total?: number;
  /** What the step returns to the code that runs it. The value is not stored. */
  readonly value: T;
}

/** How a job has ended. */
export type JobEnd =
  | { readonly state: 'succeeded'; readonly result: JobData }
  | { readonly state: 'failed'; readonly error: string; readonly errcode?: string; readonly status?: number }
  | { readonly state: 'cancelled' };
