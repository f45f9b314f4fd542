import { MatrixError } from '../errors.ts';
import type { OperationCalls } from '../operations/define-operation.ts';
import { OPERATIONS, type OperationName, operationNamed } from '../operations/operations.ts';
import { findAuditOfRequest } from '../storage/plugin/audit.ts';
import type { Pipeline } from './call.ts';
import { resultOf, runOperation } from './run-operation.ts';
import { validateInput } from './validate-input.ts';

/**
 * Creates the functions with which an operation checks the input of other operations, and runs other operations. A run passes
 * through the whole pipeline: validation, authorisation, hooks and audit.
 */
export function createOperationCalls(pipeline: () => Pipeline): OperationCalls {
  return {
    check: (name, input) => {
      validateInput(operationNamed(nameOf(name)).input, input);
    },
    runOnce: async (name, input, caller) => {
      const { jobs, services } = pipeline();
      try {
        const done = await findAuditOfRequest(services.db, caller.requestId, name);
        if (done === undefined) await runOperation(pipeline(), nameOf(name), input as never, caller);
        else if (done.jobId !== undefined) resultOf(await jobs.wait(done.jobId, { signal: caller.signal }));
        return undefined;
      } catch (error) {
        caller.signal.throwIfAborted();
        // Status 503 means that the database is unavailable. The caller may then try the operation again.
        if (!(error instanceof MatrixError) || error.status === 503) throw error;
        return error;
      }
    },
  };
}

function nameOf(name: string): OperationName {
  if (!Object.hasOwn(OPERATIONS, name)) throw new MatrixError('M_UNRECOGNIZED', `there is no operation ${name}`);
  return name as OperationName;
}
