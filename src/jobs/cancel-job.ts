import type { Knex } from 'knex';
import { requestCancel } from '../storage/plugin/jobs.ts';
import { endCancelledJobs } from '../storage/plugin/unled-jobs.ts';
import { auditEnd } from './audit-end.ts';

/**
 * Asks a job to stop. The process that leads it ends it; one that no process leads is over at once, and whoever serves its kind
 * removes what it has left behind.
 */
export async function cancelJob(transaction: Knex.Transaction, id: string): Promise<void> {
  await requestCancel(transaction, id);
  for (const job of await endCancelledJobs(transaction, id)) await auditEnd(transaction, job, { state: 'cancelled' });
}
