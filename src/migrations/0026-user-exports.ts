import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.user_export_parts (
  job_id uuid NOT NULL REFERENCES matrix_admin.jobs ON DELETE CASCADE,
  part integer NOT NULL,
  lines text NOT NULL,
  PRIMARY KEY (job_id, part)
);
`;

/**
 * Creates the table of exports of users' data. An export consists of parts. PostgreSQL deletes the parts when the job that has
 * made the export is deleted.
 */
export const userExports = {
  name: '0026-user-exports',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.user_export_parts');
  },
};
