import type { Knex } from 'knex';

/** When a job last made progress. It tells a job that stands still from a job that takes long. */
export const jobProgress = {
  name: '0012-job-progress',
  up: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs ADD COLUMN progressed_at timestamptz');
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs DROP COLUMN progressed_at');
  },
};
