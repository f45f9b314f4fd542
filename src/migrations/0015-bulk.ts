import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.bulk_selections (
  token uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  operation text NOT NULL,
  options jsonb NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  job_id uuid REFERENCES matrix_admin.jobs (id) ON DELETE CASCADE
);
CREATE INDEX bulk_selections_by_job ON matrix_admin.bulk_selections (job_id);
CREATE TABLE matrix_admin.bulk_items (
  token uuid NOT NULL REFERENCES matrix_admin.bulk_selections (token) ON DELETE CASCADE,
  position int NOT NULL,
  item text NOT NULL,
  outcome text NOT NULL DEFAULT 'waiting' CHECK (outcome IN ('waiting', 'ok', 'failed')),
  errcode text,
  error text,
  PRIMARY KEY (token, position)
);
CREATE INDEX audit_by_request ON matrix_admin.audit (request_id);
`;

/**
 * Creates the tables for bulk operations: `bulk_selections` for lists of users or rooms on which an operation is to run, and
 * `bulk_items` for the users or rooms. Adds an index of the audit by request id, because a resumed bulk job looks up in the
 * audit which items it has already processed.
 */
export const bulk = {
  name: '0015-bulk',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw(
      'DROP INDEX matrix_admin.audit_by_request; DROP TABLE matrix_admin.bulk_items, matrix_admin.bulk_selections',
    );
  },
};
