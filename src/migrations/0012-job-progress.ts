import type { Knex } from 'knex';

/** When a job last got on, so that one that stands still can be told from one that takes long. */
export const jobProgress = {
  name: '0012-job-progress',
  up: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs ADD COLUMN progressed_at timestamptz');
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs DROP COLUMN progressed_at');
  },
};
