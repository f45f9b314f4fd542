import type { JobView } from '../jobs/jobs.ts';
import type { OperationInput, OperationName } from '../operations/operations.ts';

type SnakeCase<Name extends string> = Name extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<Tail>}`
  : '';

/** A job as HTTP answers show it. Times are in ms since the epoch. */
export type JobBody = { readonly [Key in keyof JobView as SnakeCase<Key & string>]: JobView[Key] };

/** Calls the operations of a homeserver. Answers are those of HTTP, with snake_case names. */
export interface AdminClient {
  /**
   * Runs an operation and returns the body of its answer. If a job does the work and takes long, the answer is only
   * `{ job_id }`.
   * @throws MatrixError the error that the homeserver answers
   * @throws TypeError if the operation has no route, or the route has no place for a parameter
   */
  readonly request: <Name extends OperationName>(
    operation: Name,
    input: OperationInput<Name>,
    options?: { readonly signal?: AbortSignal },
  ) => Promise<unknown>;
  /** Starts the job of an operation, or joins an unfinished one that does the same. @returns the id of the job */
  readonly startJob: <Name extends OperationName>(operation: Name, input: OperationInput<Name>) => Promise<string>;
  /**
   * Yields a job now and after each change. Ends with the end of the job.
   * @throws MatrixError `M_NOT_FOUND` if there is no such job
   */
  readonly watchJob: (jobId: string, options?: { readonly signal?: AbortSignal }) => AsyncGenerator<JobBody>;
}
