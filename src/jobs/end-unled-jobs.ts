import type { Knex } from 'knex';
import type { ErrorCode } from '../errors.ts';
import type { Logger } from '../host.ts';
import { endCancelledJobs, failAbandonedJobs } from '../storage/plugin/unled-jobs.ts';
import { transact } from '../storage/transact.ts';
import { recordUnledEnd } from './audit-end.ts';
import type { Job, JobEnd } from './job.ts';
import { jobLogger } from './job-logger.ts';

interface UnledSettings {
  readonly db: Knex;
  /** Job kinds that this process can run. */
  readonly served: readonly string[];
  /**
   * Time in ms after which a job counts as abandoned. If a job has been due for longer, and this process cannot run its kind,
   * the plugin assumes that no process can run it.
   */
  readonly abandonedMs: number;
  readonly logger: Logger;
}

/**
 * Ends jobs that no process is running and that would otherwise never end. There are two cases. A job was cancelled, but its
 * process died before the job ended. Or no process can run jobs of this kind any more.
 */
export async function endUnledJobs({ db, served, abandonedMs, logger }: UnledSettings): Promise<void> {
  const errcode: ErrorCode = 'M_UNRECOGNIZED';
  const error = 'no process of this homeserver does jobs of this kind';
  const ended = await transact(db, async (transaction) => {
    const cancelled = await endCancelledJobs(transaction);
    const failed = await failAbandonedJobs(transaction, served, abandonedMs, { error, errcode });
    const ends: (readonly [Job, JobEnd])[] = [
      ...cancelled.map((job) => [job, { state: 'cancelled' }] as const),
      ...failed.map((job) => [job, { state: 'failed', error, errcode }] as const),
    ];
    for (const [job, end] of ends) await recordUnledEnd(transaction, job, end);
    return ends;
  });
  for (const [job, { state }] of ended)
    jobLogger(logger, job).info({ state }, 'Ended a job that no process was running');
}
