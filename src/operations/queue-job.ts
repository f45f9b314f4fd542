import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { MatrixError } from '../errors.ts';
import { insertJob } from '../storage/plugin/jobs.ts';
import { nameOf } from './actor.ts';
import type { JobOperation, WriteScope } from './define-operation.ts';

/** Returns the key of an operation's job. No two unfinished jobs have the same key. */
export const dedupeKeyOf = <Input>(
  name: string,
  operation: { readonly dedupesWith?: string; readonly dedupeKey: (input: Input) => string },
  input: Input,
): string => `${operation.dedupesWith ?? name} ${operation.dedupeKey(input)}`;

/**
 * Queues the job of an operation, and calls `begin()` of the operation. The job starts after the transaction has committed. If
 * an unfinished job has the same key and input, only returns that job.
 * @returns the job's id; `joined` is `true` if the job already existed
 * @throws MatrixError `M_BAD_STATE` if an unfinished job has the same key and another input; errors of the operation's
 * `begin()`
 */
export async function queueJob<Input extends z.ZodType<object>>(
  scope: WriteScope,
  name: string,
  operation: Omit<JobOperation<Input>, 'run'>,
  input: z.output<Input>,
): Promise<{ readonly jobId: string; readonly joined: boolean }> {
  const job = await insertJob(scope.transaction, {
    kind: name,
    dedupeKey: dedupeKeyOf(name, operation, input),
    input: { ...(input as object) },
    target: operation.target?.(input),
    createdBy: nameOf(scope.actor),
    requestId: scope.requestId,
  });
  if (!job.joined) await operation.begin(scope, input);
  else if (!isDeepStrictEqual(job.input, JSON.parse(JSON.stringify(input)))) {
    const fields = { job_id: job.id };
    throw new MatrixError('M_BAD_STATE', 'The same operation is running with other options', { status: 409, fields });
  }
  scope.startedJob(job.id);
  scope.afterCommit(scope.wakeJobs);
  return { jobId: job.id, joined: job.joined };
}
