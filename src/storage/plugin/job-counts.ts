import type { Knex } from 'knex';
import type { JobState } from '../../jobs/job.ts';
import { rowsOf } from '../database.ts';
import { DONE } from './jobs.ts';

/** What the job gauges show. */
export async function countJobs(
  db: Knex,
): Promise<{ kind: string; state: JobState; jobs: number; oldestAgeSeconds: number; progress: number | null }[]> {
  return rowsOf(
    db.raw(
      `SELECT kind, state, count(*)::int AS jobs,
         extract(epoch FROM clock_timestamp() - min(created_at))::float8 AS "oldestAgeSeconds",
         (min(${DONE}::float8 / nullif(total, 0)) FILTER (WHERE state = 'running'))::float8 AS progress
       FROM matrix_admin.jobs GROUP BY kind, state`,
    ),
  );
}
