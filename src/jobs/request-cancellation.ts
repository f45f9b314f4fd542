import type { Knex } from 'knex';
import { requestCancel } from '../storage/plugin/jobs.ts';
import { endCancelledJobs } from '../storage/plugin/unled-jobs.ts';
import { recordUnledEnd } from './audit-end.ts';

/**
 * Cancels a job. If a process runs the job, that process ends the job before the job's next step. If no process runs the job,
 * the job ends at once, and a process that can run jobs of this kind later removes what the job has left behind.
 */
export async function requestCancellation(transaction: Knex.Transaction, id: string): Promise<void> {
  await requestCancel(transaction, id);
  for (const job of await endCancelledJobs(transaction, id)) {
    await recordUnledEnd(transaction, job, { state: 'cancelled' });
  }
}
