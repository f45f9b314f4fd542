import type { Knex } from 'knex';

/** Adds the time of a job's last progress. It distinguishes a job that is stuck from a slow one. */
export const jobProgress = {
  name: '0012-job-progress',
  up: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs ADD COLUMN progressed_at timestamptz');
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs DROP COLUMN progressed_at');
  },
};
