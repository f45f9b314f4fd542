import type { z } from 'zod';
import { describeError, errorFields, MatrixError } from '../errors.ts';
import type { AfterEvent, BeforeEvent, HookRunner } from '../hooks.ts';
import type { Logger } from '../host.ts';
import { isRecord } from '../json.ts';
import type { Metrics } from '../metrics.ts';
import type { Db } from '../storage/database.ts';
import { type AuditOutcome, insertAudit } from '../storage/plugin/audit.ts';
import { findAccountType } from '../storage/userapi/accounts.ts';
import { ACCOUNT_TYPE, type Actor, nameOf } from './actor.ts';
import type { Operation, OperationServices } from './define-operation.ts';
import { OPERATIONS, type OperationInput, type OperationName, type OperationOutput } from './operations.ts';

/** Who calls, and from where. */
export interface Caller {
  readonly actor: Actor;
  /** @defaultValue a new one */
  readonly requestId?: string;
  /** Client address of HTTP calls. */
  readonly address?: string;
  readonly signal?: AbortSignal;
}

export interface Pipeline extends OperationServices {
  readonly hooks: HookRunner;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly newRequestId: () => string;
}

interface Call {
  readonly name: OperationName;
  readonly operation: Operation;
  readonly actor: Actor;
  readonly requestId: string;
  readonly address: string | undefined;
  readonly signal: AbortSignal;
  target: string | undefined;
  jobId: string | undefined;
}

/**
 * The one way that operations are run: validate, authorise, before-hooks, run with the audit entry in the same
 * transaction, metrics, after-hooks.
 * @throws MatrixError `M_INVALID_PARAM` or `M_MISSING_PARAM` for bad input; `M_FORBIDDEN` or `M_GUEST_ACCESS_FORBIDDEN`
 * for actors who may not; whatever a hook vetoes with; and the operation's own errors
 */
export async function runOperation<Name extends OperationName>(
  pipeline: Pipeline,
  name: Name,
  input: OperationInput<Name>,
  caller: Caller,
): Promise<OperationOutput<Name>> {
  const call: Call = {
    name,
    operation: OPERATIONS[name],
    actor: caller.actor,
    requestId: caller.requestId ?? pipeline.newRequestId(),
    address: caller.address,
    signal: caller.signal ?? new AbortController().signal,
    target: undefined,
    jobId: undefined,
  };
  const endTimer = pipeline.metrics.operationDuration.startTimer({ operation: name });
  try {
    const result = await perform(pipeline, call, input);
    pipeline.metrics.operations.inc({ operation: name, outcome: 'ok' });
    return result as OperationOutput<Name>;
  } catch (error) {
    await recordFailure(pipeline, call, error);
    throw error;
  } finally {
    endTimer();
  }
}

async function perform(pipeline: Pipeline, call: Call, rawInput: unknown): Promise<unknown> {
  const { name, operation, actor, requestId } = call;
  const input = validate(operation.input, rawInput);
  call.target = operation.target?.(input);
  await authorise(pipeline.db, actor);
  const event = { operation: name, input, actor, requestId } as BeforeEvent<OperationName>;
  await pipeline.hooks.runBefore(event);

  const afterCommit: (() => void)[] = [];
  const run = (transaction: Db): Promise<unknown> =>
    operation.run(
      {
        db: pipeline.db,
        searchEnabled: pipeline.searchEnabled,
        wakeJobs: pipeline.wakeJobs,
        actor,
        requestId,
        signal: call.signal,
        transaction,
        afterCommit: (work) => afterCommit.push(work),
        startedJob: (jobId) => {
          call.jobId = jobId;
        },
      },
      input,
    );
  const result =
    operation.effect === 'read'
      ? await run(pipeline.db)
      : await pipeline.db.transaction(async (transaction) => {
          const value = await run(transaction);
          await audit(transaction, call, 'ok');
          return value;
        });
  for (const work of afterCommit) work();
  pipeline.hooks.runAfter({ ...event, result } as AfterEvent<OperationName>);
  return result;
}

/** Whether PostgreSQL takes every text in it: no NUL, no half surrogate pair. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed();
  return typeof value !== 'object' || value === null || Object.values(value).every(isStorable);
}

function validate(schema: z.ZodType, input: unknown): unknown {
  const parsed = schema.safeParse(input, { reportInput: true });
  if (parsed.success) {
    const [unstorable] =
      Object.entries(isRecord(parsed.data) ? parsed.data : {}).find(([, value]) => !isStorable(value)) ?? [];
    if (unstorable === undefined) return parsed.data;
    throw new MatrixError('M_INVALID_PARAM', `bad parameter "${unstorable}": has a NUL or half a surrogate pair`);
  }
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  const missing = issue?.code === 'invalid_type' && issue.input === undefined;
  if (missing) throw new MatrixError('M_MISSING_PARAM', `missing parameter "${field}"`);
  throw new MatrixError('M_INVALID_PARAM', `bad parameter "${field}": ${issue?.message ?? 'invalid'}`);
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

async function recordFailure({ db, metrics, logger }: Pipeline, call: Call, error: unknown): Promise<void> {
  const refused = error instanceof MatrixError && error.status < 500;
  const outcome = refused ? 'refused' : 'failed';
  metrics.operations.inc({ operation: call.name, outcome });
  const fields = { operation: call.name, actor: nameOf(call.actor), requestId: call.requestId };
  if (!refused) logger.error({ ...errorFields(error), ...fields }, 'Operation failed');
  if (call.operation.effect === 'read') return;
  try {
    await audit(db, call, outcome, error instanceof MatrixError ? error.errcode : 'M_UNKNOWN');
  } catch (auditError) {
    logger.error({ error: describeError(auditError), ...fields }, 'Could not write the audit entry of a failure');
  }
}
