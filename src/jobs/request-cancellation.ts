import type { Knex } from 'knex';
import { requestCancel } from '../storage/plugin/jobs.ts';
import { endCancelledJobs } from '../storage/plugin/unled-jobs.ts';
import { recordUnledEnd } from './audit-end.ts';

/**
 * Cancels a job. If a process runs the job, this process ends the job before the next step. If no process runs the job, the job
 * ends at once. A process that knows the job's kind then cleans up later.
 */
export async function requestCancellation(transaction: Knex.Transaction, id: string): Promise<void> {
  await requestCancel(transaction, id);
  for (const job of await endCancelledJobs(transaction, id)) {
    await recordUnledEnd(transaction, job, { state: 'cancelled' });
  }
}
