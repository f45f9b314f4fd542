import type { Knex } from 'knex';

const UP = `
ALTER TABLE matrix_admin.jobs ADD COLUMN needs_clean_up boolean NOT NULL DEFAULT false;
CREATE INDEX jobs_to_clean_up ON matrix_admin.jobs (id) WHERE needs_clean_up;
`;

/**
 * Adds the column `needs_clean_up`. The column is true for a job that a process had started, but that ended while no process
 * was running it, for example because the job was cancelled. A process that can run jobs of this kind must still remove what
 * the job has left behind.
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
