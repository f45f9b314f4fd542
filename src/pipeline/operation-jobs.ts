import type { DailyJob } from '../jobs/daily-jobs.ts';
import { type Job, type JobData, type JobEnd, type JobKind, type JobRun, outcomeOf } from '../jobs/job.ts';
import { storedItems } from '../jobs/job-items.ts';
import type { Metrics } from '../metrics.ts';
import { actorNamed, nameOf } from '../operations/actor.ts';
import type { JobOperation, OperationServices } from '../operations/define-operation.ts';
import { JOB_OPERATIONS, type OperationName, operationNamed } from '../operations/operations.ts';
import { dedupeKeyOf } from '../operations/queue-job.ts';
import { retryConflicts, transact } from '../storage/transact.ts';
import type { HookRunner } from './hooks.ts';
import { publishOperation } from './publish-operation.ts';

/** Number of successive failures without progress after which an operation's job fails for good. */
const MAX_FAILURES = 8;

interface OperationJobSettings {
  readonly services: OperationServices;
  readonly hooks: Pick<HookRunner, 'runAfter'>;
  readonly metrics: Pick<Metrics, 'operations' | 'operationDuration'>;
}

/**
 * Creates a job kind for each operation whose work is a job and which this process can run. The kind has the operation's name.
 */
export function createOperationJobs(settings: OperationJobSettings): JobKind[] {
  return JOB_OPERATIONS.flatMap((name) => {
    const operation = operationNamed(name);
    const isServed = operation.effect === 'job' && (operation.isServed?.(settings.services) ?? true);
    return isServed ? [jobKindOf(name, operation, settings)] : [];
  });
}

/** Returns the jobs that the plugin starts by itself once a day. */
export function dailyOperationJobs({ purgeAbandoned, retention }: OperationServices): DailyJob[] {
  return [
    ...(purgeAbandoned === undefined ? [] : [dailyJob('purgeAbandonedRooms')]),
    ...(retention === undefined ? [] : [dailyJob('purgeExpiredHistory')]),
  ];
}

function dailyJob(kind: 'purgeAbandonedRooms' | 'purgeExpiredHistory'): DailyJob {
  const input = { dryRun: false };
  const dedupeKey = dedupeKeyOf(kind, operationNamed(kind) as JobOperation, input);
  return { kind, dedupeKey, input, createdBy: nameOf({ kind: 'system', name: kind }) };
}

function jobKindOf(name: OperationName, operation: JobOperation, settings: OperationJobSettings): JobKind {
  const { services } = settings;
  return {
    kind: name,
    maxFailures: MAX_FAILURES,
    run: (run) => runJob(operation, services, run),
    ...(operation.assist && { assist: async (run) => operation.assist?.(services, run) }),
    cleanUp: async (job) => operation.cleanUp?.(services, job),
    ended: (job, end) => recordEnd(name, operation, settings, job, end),
  };
}

async function runJob(operation: JobOperation, { db, ...services }: OperationServices, run: JobRun): Promise<JobData> {
  const { job, signal, log, commit } = run;
  const result = await operation.run(
    {
      ...services,
      reader: () => db,
      actor: actorNamed(job.createdBy),
      // The stored checkpoint has the type that the operation expects, because an earlier step of the same operation stored it.
      checkpoint: job.checkpoint,
      items: storedItems(job.id),
      signal,
      log,
      dryRun: false,
      commit,
      transact: (work) => retryConflicts(() => transact(db, work)),
      jobRun: run,
    },
    // The pipeline checked the input before it queued the job. Parsing gives the stored input its type again.
    operation.input.parse(job.input),
  );
  return { ...result };
}

/**
 * Counts the end of a job in the metrics, and publishes the end with `publishOperation()`. Runs the after-hooks if the job has
 * succeeded.
 */
function recordEnd(
  name: OperationName,
  operation: JobOperation,
  { hooks, metrics }: OperationJobSettings,
  job: Job,
  end: JobEnd,
): void {
  metrics.operations.inc({ operation: name, outcome: outcomeOf(end) });
  const durationMs = Date.now() - job.createdAt;
  metrics.operationDuration.observe({ operation: name }, durationMs / 1_000);
  publishOperation({
    operation: name,
    actor: job.createdBy,
    target: job.target,
    requestId: job.requestId ?? job.id,
    jobId: job.id,
    outcome: outcomeOf(end),
    errcode: end.state === 'failed' ? (end.errcode ?? 'M_UNKNOWN') : undefined,
    durationMs,
  });
  if (end.state !== 'succeeded') return;
  // The input and the result of the job are the input and the result of the operation.
  const event = {
    operation: name,
    input: operation.input.parse(job.input),
    actor: actorNamed(job.createdBy),
    requestId: job.requestId ?? job.id,
    result: end.result,
  };
  hooks.runAfter(event);
}
