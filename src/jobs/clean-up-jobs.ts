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
  /** Aborted when this process must not begin further work. */
  readonly stopping: AbortSignal;
}

/**
 * Removes what cancelled or failed jobs have left behind, if no process was running the job when it ended. A process claims
 * each removal with a lease. A removal that fails is tried again once its lease has expired.
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
