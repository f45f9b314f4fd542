import { describeError, errorFields, isErrorCode, MatrixError } from '../errors.ts';
import type { JobView } from '../jobs/jobs.ts';
import { type Actor, nameOf } from '../operations/actor.ts';
import {
  type OperationInput,
  type OperationName,
  type OperationOutput,
  operationNamed,
} from '../operations/operations.ts';
import { unavailableAnswer } from '../storage/database-failures.ts';
import { auditCall, type Call, type Pipeline } from './call.ts';
import { performOperation, StartedJob } from './perform-operation.ts';
import { requireCaller } from './require-caller.ts';

/** The caller of an operation. */
export interface Caller {
  readonly actor: Actor;
  /** Id of the request in logs and the audit. @defaultValue a new id */
  readonly requestId?: string;
  /** Client address of HTTP calls. */
  readonly address?: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs an operation: validates, authorises, runs before-hooks, does the work and writes the audit entry in one transaction,
 * counts metrics, and runs after-hooks. HTTP and in-process calls both use this function. If a job does the work, the function
 * only starts the job; see `resultOf()`.
 * @throws MatrixError `M_INVALID_PARAM` or `M_MISSING_PARAM` for bad input; `M_FORBIDDEN` or `M_GUEST_ACCESS_FORBIDDEN` for
 * an actor who may not run the operation; `M_UNKNOWN` with status 503 if the database is unavailable; the veto of a hook; the
 * operation's own errors
 * @throws TypeError for a caller without an actor
 */
export async function startOperation<Name extends OperationName>(
  pipeline: Pipeline,
  name: Name,
  input: OperationInput<Name>,
  caller: Caller,
): Promise<OperationOutput<Name> | StartedJob> {
  requireCaller(name, caller);
  const call: Call = {
    name,
    actor: caller.actor,
    requestId: caller.requestId ?? pipeline.newRequestId(),
    address: caller.address,
    signal: caller.signal ?? new AbortController().signal,
    target: undefined,
    jobId: undefined,
    approvals: new Set(),
  };
  const startedAt = Date.now();
  try {
    const result = await performOperation(pipeline, call, input);
    // A job is counted when it ends.
    if (!(result instanceof StartedJob)) pipeline.metrics.operations.inc({ operation: name, outcome: 'ok' });
    return result as OperationOutput<Name> | StartedJob;
  } catch (error) {
    await recordFailure(pipeline, call, error);
    throw unavailableAnswer(error) ?? error;
  } finally {
    const seconds = (Date.now() - startedAt) / 1_000;
    if (call.jobId === undefined) pipeline.metrics.operationDuration.observe({ operation: name }, seconds);
  }
}

/**
 * Runs an operation. If a job does the work, waits for the job.
 * @throws MatrixError as `startOperation()` and `resultOf()`. If the signal is aborted, throws its reason; the job continues.
 */
export async function runOperation<Name extends OperationName>(
  pipeline: Pipeline,
  name: Name,
  input: OperationInput<Name>,
  caller: Caller,
): Promise<OperationOutput<Name>> {
  const result = await startOperation(pipeline, name, input, caller);
  if (!(result instanceof StartedJob)) return result;
  const { signal } = caller;
  return resultOf(await pipeline.jobs.wait(result.jobId, signal && { signal })) as OperationOutput<Name>;
}

/** The result of an operation's ended job. @throws MatrixError if the job has failed or was cancelled */
export function resultOf({ id, state, result, error, errcode, errorStatus: status }: JobView): unknown {
  const fields = { job_id: id };
  if (state === 'cancelled') throw new MatrixError('M_BAD_STATE', 'the job was cancelled', { status: 409, fields });
  if (state !== 'failed') return result;
  const code = isErrorCode(errcode) ? errcode : 'M_UNKNOWN';
  throw new MatrixError(code, error ?? 'the job has failed', { fields, ...(status !== null && { status }) });
}

async function recordFailure({ services, metrics, logger }: Pipeline, call: Call, error: unknown): Promise<void> {
  const refused = error instanceof MatrixError && error.status < 500;
  const outcome = refused ? 'refused' : 'failed';
  metrics.operations.inc({ operation: call.name, outcome });
  const fields = { operation: call.name, actor: nameOf(call.actor), requestId: call.requestId };
  if (!refused) logger.error({ ...errorFields(error), ...fields }, 'Operation failed');
  if (operationNamed(call.name).effect === 'read') return;
  try {
    await auditCall(services.db, call, outcome, error instanceof MatrixError ? error.errcode : 'M_UNKNOWN');
  } catch (auditError) {
    logger.error({ error: describeError(auditError), ...fields }, 'Could not write the audit entry of a failure');
  }
}
