import type { Knex } from 'knex';
import type { z } from 'zod';
import { dryRunItems } from '../jobs/job-items.ts';
import { isRecord } from '../json.ts';
import type {
  IncludedOperation,
  JobOperation,
  OperationBase,
  WriteOperation,
  WriteScope,
} from '../operations/define-operation.ts';
import { type OperationName, operationNamed } from '../operations/operations.ts';
import { queueJob } from '../operations/queue-job.ts';
import { hasCommitted } from '../storage/has-committed.ts';
import {
  type AfterCommit,
  openTransaction,
  retryConflicts,
  transact,
  transactAndRollBack,
} from '../storage/transact.ts';
import { useApprovals } from './approvals.ts';
import { authoriseActor, authoriseAgain } from './authorise-actor.ts';
import { auditCall, type Call, type Pipeline } from './call.ts';
import type { AfterEvent, BeforeEvent } from './hooks.ts';
import { validateInput } from './validate-input.ts';

/** The result of a call whose work is a job. The job has been queued, and runs after the call. */
export class StartedJob {
  readonly jobId: string;
  /**
   * Whether an unfinished job already did the same work. The call has then started no job of its own, and `jobId` names that
   * job.
   */
  readonly joined: boolean;

  constructor({ jobId, joined }: { readonly jobId: string; readonly joined: boolean }) {
    this.jobId = jobId;
    this.joined = joined;
  }
}

const isDryRun = (input: unknown): boolean => isRecord(input) && input.dryRun === true;

/**
 * Runs an operation: validates the input, authorises the actor, runs the before-hooks, does the work, and starts the
 * after-hooks. If the work is a job, only queues the job and returns a `StartedJob`. A dry run does the whole work, even that
 * of a job, and rolls it back.
 */
export async function performOperation(pipeline: Pipeline, call: Call, rawInput: unknown): Promise<unknown> {
  const operation = operationNamed(call.name);
  const { actor, requestId, signal } = call;
  if (operation.effect === 'job') {
    const { input } = await admit(pipeline, call, operation, rawInput);
    return isDryRun(input) ? tryJob(pipeline, call, operation, input) : startJob(pipeline, call, operation, input);
  }
  const { input, event } = await admit(pipeline, call, operation, rawInput);
  const dryRun = isDryRun(input);
  const result =
    operation.effect === 'read'
      ? await retryConflicts(() => operation.run({ ...pipeline.services, actor, requestId, signal }, input))
      : await write(pipeline, call, operation, input, dryRun);
  if (!dryRun) pipeline.hooks.runAfter({ ...event, result } as AfterEvent<OperationName>);
  return dryRun && isRecord(result) ? { ...result, dryRun: true } : result;
}

async function write(
  pipeline: Pipeline,
  call: Call,
  operation: WriteOperation,
  input: unknown,
  dryRun: boolean,
): Promise<unknown> {
  const { actor, requestId, signal } = call;
  const prepared = await operation.prepare?.({ ...pipeline.services, actor, requestId, signal }, input);
  // `prepare()` may take long, for example to hash a password. Meanwhile the actor may have lost the right to run the
  // operation.
  if (operation.prepare !== undefined) await authoriseAgain(pipeline.services.db, actor, operation.access, call.target);
  const work = (scope: WriteScope): Promise<unknown> => operation.run(scope, input, prepared);
  return dryRun ? rollingBack(pipeline, call, work) : inTransaction(pipeline, call, 'ok', work);
}

/**
 * Does everything that comes before the operation's own work: validates the input, authorises the actor, and runs the
 * before-hooks of the operation and of the operations that it includes. Sets the call's target.
 */
async function admit<Input extends z.ZodType>(
  { services, hooks }: Pipeline,
  call: Call,
  operation: OperationBase<Input>,
  rawInput: unknown,
): Promise<{ input: z.output<Input>; event: BeforeEvent<OperationName> }> {
  const { name, actor, requestId } = call;
  const given = validateInput(operation.input, rawInput);
  call.target = operation.target?.(given);
  await authoriseActor(services.db, actor, operation.access, call.target);
  const input = operation.resolve === undefined ? given : await operation.resolve(services, given);
  call.target = operation.target?.(input);
  const event = { operation: name, input, actor, requestId } as BeforeEvent<OperationName>;
  const asking = { isDryRun: isDryRun(input), approvals: call.approvals };
  for (const part of [...partsOf(operation.includes?.(input) ?? []), event]) {
    await hooks.runBefore({ ...event, ...part } as BeforeEvent<OperationName>, asking);
  }
  return { input, event };
}

/**
 * An operation can include other operations, which it runs as parts of its own work. Returns the included operations and,
 * recursively, the operations that these include. Each operation occurs once. An included operation comes before the operation
 * that includes it.
 */
function partsOf(included: readonly IncludedOperation[]): readonly IncludedOperation[] {
  const parts = included.flatMap((part) => [
    ...partsOf(operationNamed(part.operation as OperationName).includes?.(part.input as never) ?? []),
    part,
  ]);
  return [...new Map(parts.map((part) => [part.operation, part])).values()];
}

function scopeOf(
  { services }: Pipeline,
  call: Call,
  transaction: Knex.Transaction,
  afterCommit: AfterCommit,
): WriteScope {
  return {
    ...services,
    // Reads use the transaction too. A read outside it would need a second database connection.
    db: transaction,
    actor: call.actor,
    requestId: call.requestId,
    signal: call.signal,
    transaction,
    afterCommit,
    startedJob: (jobId) => {
      call.jobId = jobId;
    },
  };
}

/**
 * Does the work in one transaction. The transaction also writes the audit entry and uses up the approvals. If the transaction
 * conflicts with another transaction, the function repeats the work. If the connection is lost during the commit, the function
 * asks PostgreSQL whether the transaction has committed.
 */
function inTransaction<T>(
  pipeline: Pipeline,
  call: Call,
  outcome: 'ok' | 'queued',
  work: (scope: WriteScope) => Promise<T>,
): Promise<T> {
  const { db } = pipeline.services;
  return retryConflicts(() => {
    let transactionId: string | undefined;
    return transact(
      db,
      async (transaction, afterCommit) => {
        await useApprovals(transaction, call);
        const result = await work(scopeOf(pipeline, call, transaction, afterCommit));
        transactionId = await auditCall(transaction, call, outcome);
        return result;
      },
      async () => transactionId !== undefined && (await hasCommitted(db, transactionId)),
    );
  });
}

/** Does the work of a dry run in a transaction, and then rolls the transaction back. */
function rollingBack<T>(pipeline: Pipeline, call: Call, work: (scope: WriteScope) => Promise<T>): Promise<T> {
  return retryConflicts(() =>
    transactAndRollBack(pipeline.services.db, (transaction, afterCommit) =>
      work(scopeOf(pipeline, call, transaction, afterCommit)),
    ),
  );
}

async function startJob(pipeline: Pipeline, call: Call, operation: JobOperation, input: object): Promise<StartedJob> {
  return inTransaction(
    pipeline,
    call,
    'queued',
    async (scope) => new StartedJob(await queueJob(scope, call.name, operation, input)),
  );
}

/**
 * Does the dry run of an operation whose work is a job. All steps of the job share one transaction, which the function rolls
 * back at the end. The transaction is not opened before the first step. So requests that the job sends to other servers before
 * that step hold no database connection. `begin()` runs twice: before the work, in a transaction of its own, to refuse a wrong
 * call early, and again in the shared transaction.
 */
async function tryJob(pipeline: Pipeline, call: Call, operation: JobOperation, input: object): Promise<object> {
  const { db, ...services } = pipeline.services;
  await rollingBack(pipeline, call, (scope) => operation.begin(scope, input));
  let opened: Knex.Transaction | undefined;
  const open = async (): Promise<Knex.Transaction> => {
    call.signal.throwIfAborted();
    if (opened !== undefined) return opened;
    opened = await openTransaction(db);
    await operation.begin(
      scopeOf(pipeline, call, opened, () => {}),
      input,
    );
    return opened;
  };
  try {
    const result = await operation.run(
      {
        ...services,
        reader: () => opened ?? db,
        actor: call.actor,
        checkpoint: undefined,
        items: dryRunItems(),
        signal: call.signal,
        log: pipeline.logger,
        dryRun: true,
        jobRun: undefined,
        commit: async (step) => (await step(await open(), () => {})).value,
        // The work runs in a savepoint. If the work fails, only the savepoint is rolled back.
        transact: async (work) => (await open()).transaction((savepoint) => work(savepoint, () => {})),
      },
      input,
    );
    return { ...result, dryRun: true };
  } finally {
    await opened?.rollback();
  }
}
