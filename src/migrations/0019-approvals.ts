import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.approvals (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  operation text NOT NULL,
  target text,
  input jsonb NOT NULL,
  reason text NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'denied', 'used')),
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  request_id text NOT NULL,
  expires_at timestamptz NOT NULL,
  decided_by text,
  decided_at timestamptz,
  decision_reason text,
  used_at timestamptz,
  used_request_id text
);
CREATE INDEX approvals_by_age ON matrix_admin.approvals (requested_at, id);
CREATE INDEX approvals_by_requester ON matrix_admin.approvals (requested_by, operation);
ALTER TABLE matrix_admin.audit ADD COLUMN approval_id uuid;
`;

const DOWN = `
ALTER TABLE matrix_admin.audit DROP COLUMN approval_id;
DROP TABLE matrix_admin.approvals;
`;

/**
 * Creates the table of approvals. An approval belongs to a call for which a second administrator must decide whether it may
 * run. Also adds a column for the id of the approval to the audit.
 */
export const approvals = {
  name: '0019-approvals',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw(DOWN);
  },
};
