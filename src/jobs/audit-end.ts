import type { Knex } from 'knex';
import { insertAudit } from '../storage/plugin/audit.ts';
import { keepInput } from '../storage/plugin/unled-jobs.ts';
import { type Job, type JobEnd, outcomeOf } from './job.ts';
import { shownInput } from './shown-input.ts';

/**
 * Records in the audit the end of a job that no process was running when it ended. The job's row then keeps only the input
 * parameters that callers may see.
 */
export async function recordUnledEnd(transaction: Knex.Transaction, job: Job, end: JobEnd): Promise<void> {
  await keepInput(transaction, job.id, shownInput(job) ?? {});
  await auditEnd(transaction, job, end);
}

/** Writes an audit entry for the end of a job. The entry names the operation and the actor that started the job. */
export async function auditEnd(transaction: Knex.Transaction, job: Job, end: JobEnd): Promise<void> {
  await insertAudit(transaction, {
    operation: job.kind,
    outcome: outcomeOf(end),
    target: job.target,
    errcode: end.state === 'failed' ? (end.errcode ?? 'M_UNKNOWN') : undefined,
    actor: job.createdBy,
    jobId: job.id,
    requestId: job.requestId ?? job.id,
  });
}
