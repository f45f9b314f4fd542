import type { Knex } from 'knex';
import { insertAudit } from '../storage/plugin/audit.ts';
import { keepInput } from '../storage/plugin/unled-jobs.ts';
import { type Job, type JobEnd, outcomeOf } from './job.ts';
import { shownInput } from './shown-input.ts';

/** Records the end of a job that no process leads. Its row keeps only the input that callers see. */
export async function recordUnledEnd(transaction: Knex.Transaction, job: Job, end: JobEnd): Promise<void> {
  await keepInput(transaction, job.id, shownInput(job) ?? {});
  await auditEnd(transaction, job, end);
}

/** Writes an audit entry for the end of a job, under the operation and the actor that started it. */
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
