import type { Knex } from 'knex';

/**
 * Adds columns for the Matrix error with which a job has failed. A caller who waits for the job gets this error as the answer.
 */
export const jobErrors = {
  name: '0004-job-errors',
  up: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs ADD COLUMN errcode text, ADD COLUMN error_status integer');
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs DROP COLUMN errcode, DROP COLUMN error_status');
  },
};
