import type { Knex } from 'knex';

const UP = `
ALTER TABLE matrix_admin.jobs ADD COLUMN needs_clean_up boolean NOT NULL DEFAULT false;
CREATE INDEX jobs_to_clean_up ON matrix_admin.jobs (id) WHERE needs_clean_up;
`;

/**
 * Adds a mark for jobs that ended while no process was running them. A process that knows the kind of such a job must still
 * remove what the job has left behind.
 */
export const jobCleanUps = {
  name: '0009-job-clean-ups',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs DROP COLUMN needs_clean_up');
  },
};
