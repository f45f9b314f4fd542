import type { Knex } from 'knex';
import { requestCancel } from '../storage/plugin/jobs.ts';
import { endCancelledJobs, keepInput } from '../storage/plugin/unled-jobs.ts';
import { auditEnd } from './audit-end.ts';
import { shownInput } from './shown-input.ts';

/**
 * Asks a job to stop. If a process leads the job, that process ends it. If none does, the job ends at once, and a process that
 * serves its kind later removes what the job has left behind.
 */
export async function requestCancellation(transaction: Knex.Transaction, id: string): Promise<void> {
  await requestCancel(transaction, id);
  for (const job of await endCancelledJobs(transaction, id)) {
    await keepInput(transaction, job.id, shownInput(job) ?? {});
    await auditEnd(transaction, job, { state: 'cancelled' });
  }
}
