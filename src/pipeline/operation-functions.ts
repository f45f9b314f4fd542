import { ParameterError } from '../errors.ts';
import { isRecord } from '../json.ts';
import {
  isDoneByJob,
  type JobOperationName,
  OPERATIONS,
  type OperationInput,
  type OperationName,
  type OperationOutput,
} from '../operations/operations.ts';
import type { Pipeline } from './call.ts';
import { StartedJob } from './perform-operation.ts';
import { type Caller, runOperation, startOperation } from './run-operation.ts';

/** Runs an operation, and waits for the job if it is done by one. */
type Run<Name extends OperationName> = (input: OperationInput<Name>, caller: Caller) => Promise<OperationOutput<Name>>;

/** What operations that are done by a job have beside. */
interface Startable<Name extends JobOperationName> {
  /**
   * Starts the job, or joins the unfinished one that does the same, and does not wait for it: `admin.jobs.watch()` and
   * `admin.jobs.wait()` do.
   * @throws MatrixError as the operation itself, but for what comes of the job; `M_INVALID_PARAM` for a dry run, which has none
   */
  readonly start: (
    input: Omit<OperationInput<Name>, 'dryRun'> & { readonly dryRun?: false },
    caller: Caller,
  ) => Promise<{ readonly jobId: string }>;
}

/** Every operation in-process, by its name. */
export type OperationFunctions = {
  readonly [Name in OperationName]: Run<Name> & (Name extends JobOperationName ? Startable<Name> : unknown);
};

/** Makes them: all go through the same checks, hooks, audit and metrics as calls over HTTP. */
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
  async (input: OperationInput<JobOperationName>, caller: Caller): Promise<{ readonly jobId: string }> => {
    if (isRecord(input) && input.dryRun === true) {
      throw new ParameterError(['dryRun'], 'a dry run has no job: call the operation itself');
    }
    const started = await startOperation(pipeline, name, input, caller);
    if (!(started instanceof StartedJob)) throw new Error('the operation has run without a job');
    return { jobId: started.jobId };
  };
