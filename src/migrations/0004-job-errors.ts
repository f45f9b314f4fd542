import type { Knex } from 'knex';

/** What the error of a failed job was, so that whoever waits for the job can be answered with it. */
export const jobErrors = {
  name: '0004-job-errors',
  up: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs ADD COLUMN errcode text, ADD COLUMN error_status integer');
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.jobs DROP COLUMN errcode, DROP COLUMN error_status');
  },
};
