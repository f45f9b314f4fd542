import { type Job, type JobData, type JobEnd, type JobKind, type JobRun, outcomeOf } from '../jobs/job.ts';
import { storedItems } from '../jobs/job-items.ts';
import type { Metrics } from '../metrics.ts';
import { actorNamed } from '../operations/actor.ts';
import type { JobOperation, OperationServices } from '../operations/define-operation.ts';
import { JOB_OPERATIONS, type OperationName, operationNamed } from '../operations/operations.ts';
import { retryConflicts, transact } from '../storage/transact.ts';
import type { AfterEvent, HookRunner } from './hooks.ts';

/** Failures in a row without progress, after which the job of an operation is given up. */
const MAX_FAILURES = 8;

interface OperationJobSettings {
  readonly services: OperationServices;
  readonly hooks: Pick<HookRunner, 'runAfter'>;
  readonly metrics: Pick<Metrics, 'operations' | 'operationDuration'>;
}

/** Makes a kind of job for each operation that is done by a job. The kind has the operation's name. */
export function createOperationJobs(settings: OperationJobSettings): JobKind[] {
  return JOB_OPERATIONS.flatMap((name) => {
    const operation = operationNamed(name);
    return operation.effect === 'job' ? [jobKindOf(name, operation, settings)] : [];
  });
}

function jobKindOf(name: OperationName, operation: JobOperation, settings: OperationJobSettings): JobKind {
  return {
    kind: name,
    maxFailures: MAX_FAILURES,
    run: (run) => runJob(operation, settings.services, run),
    cleanUp: async () => {},
    ended: (job, end) => recordEnd(name, operation, settings, job, end),
  };
}

async function runJob(
  operation: JobOperation,
  { db, ...services }: OperationServices,
  { job, signal, log, commit }: JobRun,
): Promise<JobData> {
  const result = await operation.run(
    {
      ...services,
      reader: () => db,
      actor: actorNamed(job.createdBy),
      checkpoint: job.checkpoint,
      items: storedItems(job.id),
      signal,
      log,
      dryRun: false,
      commit: (step) => thenAfterCommit((after) => commit((transaction) => step(transaction, after))),
      transact: (work) =>
        retryConflicts(() => thenAfterCommit((after) => transact(db, (transaction) => work(transaction, after)))),
    },
    // It was validated when the job was queued.
    operation.input.parse(job.input),
  );
  return { ...result };
}

/** Runs the work that a transaction left for after its commit. */
async function thenAfterCommit<T>(run: (after: (work: () => void) => void) => Promise<T>): Promise<T> {
  const afterCommit: (() => void)[] = [];
  const value = await run((work) => afterCommit.push(work));
  for (const work of afterCommit) work();
  return value;
}

/** Counts the end of a job and runs the after-hooks, as the pipeline does for other operations. */
function recordEnd(
  name: OperationName,
  operation: JobOperation,
  { hooks, metrics }: OperationJobSettings,
  job: Job,
  end: JobEnd,
): void {
  metrics.operations.inc({ operation: name, outcome: outcomeOf(end) });
  metrics.operationDuration.observe({ operation: name }, (Date.now() - job.createdAt) / 1_000);
  if (end.state !== 'succeeded') return;
  // The job's input and result are those of its operation.
  hooks.runAfter({
    operation: name,
    input: operation.input.parse(job.input),
    actor: actorNamed(job.createdBy),
    requestId: job.requestId ?? job.id,
    result: end.result,
  } as unknown as AfterEvent<OperationName>);
}
