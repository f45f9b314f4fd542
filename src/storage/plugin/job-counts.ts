import type { Knex } from 'knex';
import { rowsOf } from '../database.ts';
import { DONE } from './jobs.ts';
import type { JobState } from './stored-job.ts';

/** Number and progress of the jobs that have the same kind and state. */
export interface JobCount {
  readonly kind: string;
  readonly state: JobState;
  readonly jobs: number;
  readonly oldestAgeSeconds: number;
  /** Progress of the running job with the least progress, as a fraction of 1. */
  readonly progress: number | null;
  /**
   * Among the running jobs, one has made no progress for the longest time. The value is the time of that job's last progress,
   * in seconds since the epoch.
   */
  readonly lastProgressSeconds: number | null;
}

/** Counts jobs by kind and state, for the metrics. */
export async function countJobs(db: Knex): Promise<JobCount[]> {
  return rowsOf(
    db.raw(
      `SELECT kind, state, count(*)::int AS jobs,
         extract(epoch FROM clock_timestamp() - min(created_at))::float8 AS "oldestAgeSeconds",
         (min(${DONE}::float8 / nullif(total, 0)) FILTER (WHERE state = 'running'))::float8 AS progress,
         extract(epoch FROM min(coalesce(progressed_at, started_at)) FILTER (WHERE state = 'running'))::float8
           AS "lastProgressSeconds"
       FROM matrix_admin.jobs GROUP BY kind, state`,
    ),
  );
}
