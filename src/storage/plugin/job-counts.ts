import type { Knex } from 'knex';
import { rowsOf } from '../database.ts';
import { DONE } from './jobs.ts';
import type { JobState } from './stored-job.ts';

/** Numbers about the jobs that have the same kind and state. */
export interface JobCount {
  readonly kind: string;
  readonly state: JobState;
  readonly jobs: number;
  /** Time since the oldest of these jobs was queued, in seconds. */
  readonly oldestAgeSeconds: number;
  /**
   * The smallest share of processed items among the running jobs, from 0 to 1. Jobs that have no items, or do not know how many
   * they have, do not count. `null` if no job counts.
   */
  readonly progress: number | null;
  /**
   * The earliest time of last progress among the running jobs, in seconds since the epoch. For a job that has made no progress
   * yet, the time of its start counts. `null` if none of the jobs is running.
   */
  readonly lastProgressSeconds: number | null;
}

/** Counts all jobs by kind and state, for the metrics. */
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
