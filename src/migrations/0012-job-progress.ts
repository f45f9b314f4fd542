import type { Knex } from 'knex';

/** Adds the time of a job's last progress. The time shows whether a job is stuck or only slow. */
export const jobProgress = {
  name: '0012-job-progress',
  up: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs ADD COLUMN progressed_at timestamptz');
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs DROP COLUMN progressed_at');
  },
};
