import type { Knex } from 'knex';
import { errorFields } from '../errors.ts';
import type { Logger } from '../host.ts';
import { claimCleanUp, endCleanUp } from '../storage/plugin/unled-jobs.ts';
import type { JobKind } from './job.ts';
import { jobLogger } from './job-logger.ts';

interface CleanUpSettings {
  readonly db: Knex;
  readonly kinds: ReadonlyMap<string, JobKind>;
  readonly owner: string;
  readonly leaseMs: number;
  readonly logger: Logger;
  /** Aborted when this process must not begin further clean-ups. */
  readonly stopping: AbortSignal;
}

/**
 * Removes what cancelled or failed jobs have left behind, if no process was running these jobs when they ended. A process
 * claims the clean-up of a job with a lease. A lease is the time for which one process alone may do the work. If a clean-up
 * fails, a process tries it again after the lease has expired.
 */
export async function cleanUpJobs(settings: CleanUpSettings): Promise<void> {
  const { db, kinds, owner, leaseMs, logger, stopping } = settings;
  while (!stopping.aborted) {
    const job = await claimCleanUp(db, [...kinds.keys()], owner, leaseMs);
    if (job === undefined) return;
    try {
      await kinds.get(job.kind)?.cleanUp(job);
      await endCleanUp(db, job.id);
    } catch (error) {
      jobLogger(logger, job).warn(errorFields(error), 'Could not remove what a job has left behind');
    }
  }
}
