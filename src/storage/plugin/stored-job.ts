/** States of a job. The last three are final. */
export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
/** A job waits, is worked on, or has ended in one of three ways. */
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

/** What a step of a job has come to. */
export interface JobStep<T, Checkpoint extends object = JobData> {
  /** What the job goes on from if this process dies. */
  readonly checkpoint: Checkpoint;
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
