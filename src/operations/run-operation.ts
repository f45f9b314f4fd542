import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import type { z } from 'zod';
import { ACCOUNT_TYPE } from '../accounts/account-type.ts';
import { describeError, errorFields, isErrorCode, MatrixError } from '../errors.ts';
import type { AfterEvent, BeforeEvent, HookRunner } from '../hooks.ts';
import type { Logger } from '../host.ts';
import type { Jobs, JobView } from '../jobs/jobs.ts';
import { isRecord } from '../json.ts';
import type { Metrics } from '../metrics.ts';
import type { Db } from '../storage/database.ts';
import { type AuditOutcome, insertAudit } from '../storage/plugin/audit.ts';
import { insertJob } from '../storage/plugin/jobs.ts';
import { findAccountType } from '../storage/userapi/accounts.ts';
import { type Actor, nameOf } from './actor.ts';
import type { JobOperation, OperationBase, OperationScope, OperationServices } from './define-operation.ts';
import { type OperationInput, type OperationName, type OperationOutput, operationNamed } from './operations.ts';
import { validateInput } from './validate-input.ts';

/** Who calls, and from where. */
export interface Caller {
  readonly actor: Actor;
  /** @defaultValue a new one */
  readonly requestId?: string;
  /** Client address of HTTP calls. */
  readonly address?: string;
  readonly signal?: AbortSignal;
}

export interface Pipeline {
  readonly services: OperationServices;
  readonly jobs: Jobs;
  readonly hooks: HookRunner;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly newRequestId: () => string;
}

/** What an operation that is done by a job is answered with before the job has ended. */
export class StartedJob {
  readonly jobId: string;

  constructor(jobId: string) {
    this.jobId = jobId;
  }
}

/** One call on its way through the pipeline. */
export interface Call {
  readonly name: OperationName;
  readonly actor: Actor;
  readonly requestId: string;
  readonly address: string | undefined;
  readonly signal: AbortSignal;
  target: string | undefined;
  jobId: string | undefined;
}

/**
 * The one way that operations are run: validate, authorise, before-hooks, run with the audit entry in the same
 * transaction, metrics, after-hooks. An operation that is done by a job has only been started then; see `resultOf()`.
 * @throws MatrixError `M_INVALID_PARAM` or `M_MISSING_PARAM` for bad input; `M_FORBIDDEN` or `M_GUEST_ACCESS_FORBIDDEN`
 * for actors who may not; whatever a hook vetoes with; and the operation's own errors
 */
export async function startOperation<Name extends OperationName>(
  pipeline: Pipeline,
  name: Name,
  input: OperationInput<Name>,
  caller: Caller,
): Promise<OperationOutput<Name> | StartedJob> {
  const call: Call = {
    name,
    actor: caller.actor,
    requestId: caller.requestId ?? pipeline.newRequestId(),
    address: caller.address,
    signal: caller.signal ?? new AbortController().signal,
    target: undefined,
    jobId: undefined,
  };
  const startedAt = Date.now();
  try {
    const result = await perform(pipeline, call, input);
    // The job counts itself when it has ended.
    if (!(result instanceof StartedJob)) pipeline.metrics.operations.inc({ operation: name, outcome: 'ok' });
    return result as OperationOutput<Name> | StartedJob;
  } catch (error) {
    await recordFailure(pipeline, call, error);
    throw error;
  } finally {
    const seconds = (Date.now() - startedAt) / 1_000;
    if (call.jobId === undefined) pipeline.metrics.operationDuration.observe({ operation: name }, seconds);
  }
}

/**
 * Runs an operation, and waits for the job that does it.
 * @throws MatrixError as `startOperation()` and `resultOf()`; the signal's reason once it is aborted, when the job goes on
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

/** What the ended job of an operation answers. @throws MatrixError when it has failed or was cancelled */
export function resultOf({ id, state, result, error, errcode, error_status: status }: JobView): unknown {
  const fields = { job_id: id };
  if (state === 'cancelled') throw new MatrixError('M_BAD_STATE', 'the job was cancelled', { status: 409, fields });
  if (state !== 'failed') return result;
  const code = isErrorCode(errcode) ? errcode : 'M_UNKNOWN';
  throw new MatrixError(code, error ?? 'the job has failed', { fields, ...(status !== null && { status }) });
}

async function perform(pipeline: Pipeline, call: Call, rawInput: unknown): Promise<unknown> {
  const operation = operationNamed(call.name);
  const { actor, requestId, signal } = call;
  if (operation.effect === 'job') {
    const { input } = await admit(pipeline, call, operation, rawInput);
    return input.dryRun ? tryJob(pipeline, call, operation, input) : startJob(pipeline, call, operation, input);
  }
  const { input, event } = await admit(pipeline, call, operation, rawInput);
  const dryRun = isRecord(input) && input.dryRun === true;
  const result =
    operation.effect === 'read'
      ? await operation.run({ ...pipeline.services, actor, requestId, signal }, input)
      : await inTransaction(pipeline, call, dryRun, (scope) => operation.run(scope, input));
  if (!dryRun) pipeline.hooks.runAfter({ ...event, result } as AfterEvent<OperationName>);
  return dryRun && isRecord(result) ? { ...result, dry_run: true } : result;
}

/** Everything before an operation is run. */
async function admit<Input extends z.ZodType>(
  { services, hooks }: Pipeline,
  call: Call,
  operation: OperationBase<Input>,
  rawInput: unknown,
): Promise<{ input: z.output<Input>; event: BeforeEvent<OperationName> }> {
  const { name, actor, requestId } = call;
  const input = validateInput(operation.input, rawInput);
  call.target = operation.target?.(input);
  await authorise(services.db, actor);
  const event = { operation: name, input, actor, requestId } as BeforeEvent<OperationName>;
  await hooks.runBefore(event);
  return { input, event };
}

function scopeOf(
  { services }: Pipeline,
  call: Call,
  transaction: Knex.Transaction,
  afterCommit: (() => void)[],
): OperationScope {
  return {
    ...services,
    actor: call.actor,
    requestId: call.requestId,
    signal: call.signal,
    transaction,
    afterCommit: (work) => afterCommit.push(work),
    startedJob: (jobId) => {
      call.jobId = jobId;
    },
  };
}

/** Does the work with its audit entry in one transaction; that of a dry run is rolled back. */
async function inTransaction<T>(
  pipeline: Pipeline,
  call: Call,
  dryRun: boolean,
  work: (scope: OperationScope) => Promise<T>,
): Promise<T> {
  const afterCommit: (() => void)[] = [];
  let tried: { readonly result: T } | undefined;
  try {
    const result = await pipeline.services.db.transaction(async (transaction) => {
      const value = await work(scopeOf(pipeline, call, transaction, afterCommit));
      if (dryRun) {
        tried = { result: value };
        throw new Error('a dry run is rolled back');
      }
      await audit(transaction, call, 'ok');
      return value;
    });
    for (const then of afterCommit) then();
    return result;
  } catch (error) {
    if (tried === undefined) throw error;
    return tried.result;
  }
}

async function startJob(
  pipeline: Pipeline,
  call: Call,
  operation: JobOperation,
  input: { readonly dryRun: boolean },
): Promise<StartedJob> {
  return inTransaction(pipeline, call, false, async (scope) => {
    const job = await insertJob(scope.transaction, {
      kind: call.name,
      dedupeKey: `${call.name} ${operation.dedupeKey(input)}`,
      input,
      createdBy: nameOf(call.actor),
      requestId: call.requestId,
    });
    if (!job.joined) await operation.begin(scope, input);
    else if (!isDeepStrictEqual(job.input, JSON.parse(JSON.stringify(input)))) {
      const fields = { job_id: job.id };
      throw new MatrixError('M_BAD_STATE', 'This is under way with other options', { status: 409, fields });
    }
    scope.startedJob(job.id);
    scope.afterCommit(scope.wakeJobs);
    return new StartedJob(job.id);
  });
}

/** The dry run of an operation that is done by a job: all of it in one transaction. */
async function tryJob(
  pipeline: Pipeline,
  call: Call,
  operation: JobOperation,
  input: { readonly dryRun: boolean },
): Promise<object> {
  return inTransaction(pipeline, call, true, async (scope) => {
    await operation.begin(scope, input);
    const result = await operation.run(
      {
        ...pipeline.services,
        actor: call.actor,
        checkpoint: undefined,
        signal: call.signal,
        log: pipeline.logger,
        dryRun: true,
        commit: async (step) => {
          call.signal.throwIfAborted();
          return (await step(scope.transaction, () => {})).value;
        },
        // A savepoint, so that what fails in it fails alone.
        transact: (work) => scope.transaction.transaction((savepoint) => work(savepoint, () => {})),
      },
      input,
    );
    return { ...result, dry_run: true };
  });
}

/** Dendrite's rule and texts: only accounts of type 3, guests told apart. */
export function requireAdmin(accountType: number | undefined): void {
  if (accountType === ACCOUNT_TYPE.guest) {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guest access not allowed');
  }
  if (accountType !== ACCOUNT_TYPE.admin) {
    throw new MatrixError('M_FORBIDDEN', 'This API can only be used by admin users.');
  }
}

async function authorise(db: Db, actor: Actor): Promise<void> {
  if (actor.kind === 'system') return;
  requireAdmin(actor.accountType ?? (await findAccountType(db, actor.userId)));
}

async function audit(db: Db, call: Call, outcome: AuditOutcome, errcode?: string): Promise<void> {
  await insertAudit(db, {
    operation: call.name,
    outcome,
    actor: nameOf(call.actor),
    target: call.target,
    jobId: outcome === 'ok' ? call.jobId : undefined,
    errcode,
    requestId: call.requestId,
    address: call.address,
  });
}

async function recordFailure({ services, metrics, logger }: Pipeline, call: Call, error: unknown): Promise<void> {
  const refused = error instanceof MatrixError && error.status < 500;
  const outcome = refused ? 'refused' : 'failed';
  metrics.operations.inc({ operation: call.name, outcome });
  const fields = { operation: call.name, actor: nameOf(call.actor), requestId: call.requestId };
  if (!refused) logger.error({ ...errorFields(error), ...fields }, 'Operation failed');
  if (operationNamed(call.name).effect === 'read') return;
  try {
    await audit(services.db, call, outcome, error instanceof MatrixError ? error.errcode : 'M_UNKNOWN');
  } catch (auditError) {
    logger.error({ error: describeError(auditError), ...fields }, 'Could not write the audit entry of a failure');
  }
}
