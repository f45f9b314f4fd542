import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.job_items (
  job_id uuid NOT NULL,
  item text NOT NULL,
  ordinal bigint NOT NULL,
  position bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (job_id, item)
);
CREATE INDEX job_items_by_position ON matrix_admin.job_items (job_id, position);
`;

/**
 * Creates the table for the items that jobs have processed, for example users. The items are not in the job's checkpoint,
 * because every step of a job writes the whole checkpoint again, and a long list would make each step slow.
 */
export const jobItems = {
  name: '0010-job-items',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.job_items');
  },
};
