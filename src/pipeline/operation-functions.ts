import { ParameterError } from '../errors.ts';
import { isRecord } from '../json.ts';
import {
  isDoneByJob,
  type JobOperationName,
  OPERATIONS,
  type OperationInput,
  type OperationName,
  type OperationOutput,
  type Operations,
} from '../operations/operations.ts';
import type { Pipeline } from './call.ts';
import { StartedJob } from './perform-operation.ts';
import { type Caller, runOperation, startOperation } from './run-operation.ts';

/** Runs an operation. If the operation's work is a job, the function waits for the job to end. */
type Run<Name extends OperationName> = (input: OperationInput<Name>, caller: Caller) => Promise<OperationOutput<Name>>;

/** A job that a call has started. */
export interface JobStart {
  readonly jobId: string;
  /**
   * Whether an unfinished job already did the same work. The call has then started no job of its own, and `jobId` names that
   * job.
   */
  readonly joined: boolean;
}

/** The additional function of operations whose work is a job. */
export interface Startable<Name extends JobOperationName> {
  /**
   * Starts the job. If an unfinished job already does the same work, the call starts no job and returns the id of that job. The
   * function does not wait for the job to end. To wait, call `admin.jobs.watch()` or `admin.jobs.wait()`.
   * @throws MatrixError the errors of the operation, except those of the job; `M_INVALID_PARAM` for a dry run, which has no job
   */
  readonly start: (
    input: Omit<OperationInput<Name>, 'dryRun'> & { readonly dryRun?: false },
    caller: Caller,
  ) => Promise<JobStart>;
}

/**
 * The in-process functions of all operations, by name. The type is derived from `Operations`, so that editors show the doc
 * comment of each operation.
 */
export type OperationFunctions = {
  readonly [Name in keyof Operations]: Run<Name> & (Name extends JobOperationName ? Startable<Name> : unknown);
};

/** Creates the in-process functions. Their calls have the same checks, hooks, audit and metrics as HTTP calls. */
export function createOperationFunctions(pipeline: Pipeline): OperationFunctions {
  const functionOf = <Name extends OperationName>(name: Name): Run<Name> => {
    const run: Run<Name> = (input, caller) => runOperation(pipeline, name, input, caller);
    return isDoneByJob(name) ? Object.assign(run, { start: startOf(pipeline, name) }) : run;
  };
  const names = Object.keys(OPERATIONS) as OperationName[];
  return Object.fromEntries(names.map((name) => [name, functionOf(name)])) as unknown as OperationFunctions;
}

const startOf =
  (pipeline: Pipeline, name: JobOperationName) =>
  async (input: OperationInput<JobOperationName>, caller: Caller): Promise<JobStart> => {
    const given: unknown = input;
    if (isRecord(given) && given.dryRun === true) {
      throw new ParameterError(['dryRun'], 'a dry run has no job: call the operation itself');
    }
    const started = await startOperation(pipeline, name, input, caller);
    if (!(started instanceof StartedJob)) throw new Error('the operation has run without a job');
    const { jobId, joined } = started;
    return { jobId, joined };
  };
