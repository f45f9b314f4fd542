import type { OperationInput, OperationName } from '../operations/operations.ts';
import type { Answers } from './answers.ts';

/** A job, in the form of answers over HTTP. Times are in ms since the epoch. */
export type JobBody = Answers['getJob'];

/** The body with which the homeserver answers a call of an operation. It is `never` if the operation has no route. */
export type Answer<Name extends OperationName> = Name extends keyof Answers ? Answers[Name] : never;

/** Calls the operations of a homeserver. The results are the bodies of HTTP answers, with names in snake_case. */
export interface AdminClient {
  /**
   * Runs an operation and returns the body of its answer. If a job does the work, some routes answer at once with the id of the
   * job. The other routes wait for the job. If the job does not end within the homeserver's time limit, the body has only the
   * field `job_id`.
   * @throws MatrixError if the homeserver answers with an error
   * @throws TypeError if the operation has no route, or if its route does not accept a parameter of the input
   */
  readonly request: <Name extends OperationName>(
    operation: Name,
    input: OperationInput<Name>,
    options?: { readonly signal?: AbortSignal },
  ) => Promise<Answer<Name>>;
  /**
   * Starts the job of an operation. Starts no new job if an unfinished job already does the same work.
   * @returns the id of the new or unfinished job
   * @throws the errors of `request`, or TypeError if the answer contains no id of a job
   */
  readonly startJob: <Name extends OperationName>(operation: Name, input: OperationInput<Name>) => Promise<string>;
  /**
   * Yields a job at once and after each change, until the job has ended.
   * @throws MatrixError `M_NOT_FOUND` if there is no such job
   */
  readonly watchJob: (jobId: string, options?: { readonly signal?: AbortSignal }) => AsyncGenerator<JobBody>;
}
