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
import { type OperationEnd, publishOperation } from './publish-operation.ts';
import { requireCaller } from './require-caller.ts';

/** Who calls an operation, and for which request. */
export interface Caller {
  readonly actor: Actor;
  /** Id of the request in logs and in the audit. @defaultValue a new id */
  readonly requestId?: string;
  /** Address of the HTTP client, if the call comes over HTTP. */
  readonly address?: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs an operation: validates the input, authorises the actor, runs the before-hooks, does the work, counts metrics and runs
 * the after-hooks. If the operation changes something, one transaction does the work and writes the audit entry. HTTP and
 * in-process calls both use this function. If the operation's work is a job, this function only queues the job, and returns a
 * `StartedJob`. A dry run of such an operation does all the work at once.
 * @throws MatrixError `M_INVALID_PARAM` or `M_MISSING_PARAM` for bad input; `M_FORBIDDEN` or `M_GUEST_ACCESS_FORBIDDEN` for an
 * actor who may not run the operation; `M_UNKNOWN` with status 503 if the database is unavailable; the error of a hook that
 * refuses the operation; the operation's own errors
 * @throws TypeError if the caller has no valid actor
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
  let end: Pick<OperationEnd, 'outcome' | 'errcode'> = { outcome: 'ok', errcode: undefined };
  try {
    const result = await performOperation(pipeline, call, input);
    if (result instanceof StartedJob) end = { ...end, outcome: 'queued' };
    // If the operation's work is a job, the operation is counted when the job ends.
    if (!(result instanceof StartedJob)) pipeline.metrics.operations.inc({ operation: name, outcome: 'ok' });
    return result as OperationOutput<Name> | StartedJob;
  } catch (error) {
    end = await recordFailure(pipeline, call, error);
    throw unavailableAnswer(error) ?? error;
  } finally {
    const durationMs = Date.now() - startedAt;
    if (call.jobId === undefined) pipeline.metrics.operationDuration.observe({ operation: name }, durationMs / 1_000);
    const { requestId, target, jobId } = call;
    publishOperation({ operation: name, actor: nameOf(call.actor), target, requestId, jobId, ...end, durationMs });
  }
}

/**
 * Runs an operation. If the operation's work is a job, waits for the job to end.
 * @throws MatrixError the errors of `startOperation()` and `resultOf()`. If the signal is aborted, the function throws the
 * signal's reason, and the job continues.
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

/** Returns the result of an operation from its ended job. @throws MatrixError if the job has failed or was cancelled */
export function resultOf({ id, state, result, error, errcode, errorStatus: status }: JobView): unknown {
  const fields = { job_id: id };
  if (state === 'cancelled') throw new MatrixError('M_BAD_STATE', 'the job was cancelled', { status: 409, fields });
  if (state !== 'failed') return result;
  const code = isErrorCode(errcode) ? errcode : 'M_UNKNOWN';
  throw new MatrixError(code, error ?? 'the job has failed', { fields, ...(status !== null && { status }) });
}

/**
 * Counts a failure in the metrics. Logs the failure unless the operation was refused. Writes an audit entry unless the
 * operation only reads.
 * @returns whether the operation was refused or has failed, and the error code
 */
async function recordFailure(
  { services, metrics, logger }: Pipeline,
  call: Call,
  error: unknown,
): Promise<Pick<OperationEnd, 'outcome' | 'errcode'>> {
  const refused = error instanceof MatrixError && error.status < 500;
  const outcome = refused ? 'refused' : 'failed';
  const errcode = error instanceof MatrixError ? error.errcode : 'M_UNKNOWN';
  metrics.operations.inc({ operation: call.name, outcome });
  const fields = { operation: call.name, actor: nameOf(call.actor), requestId: call.requestId };
  if (!refused) logger.error({ ...errorFields(error), ...fields }, 'Operation failed');
  if (operationNamed(call.name).effect === 'read') return { outcome, errcode };
  try {
    await auditCall(services.db, call, outcome, errcode);
  } catch (auditError) {
    logger.error({ error: describeError(auditError), ...fields }, 'Could not write the audit entry of a failure');
  }
  return { outcome, errcode };
}
