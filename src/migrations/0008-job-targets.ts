import type { Knex } from 'knex';

const UP = `
ALTER TABLE matrix_admin.jobs ADD COLUMN target text;
UPDATE matrix_admin.jobs SET target = coalesce(input ->> 'roomId', input ->> 'userId');
CREATE INDEX jobs_by_target ON matrix_admin.jobs (target, created_at, id) WHERE target IS NOT NULL;
ALTER TABLE matrix_admin.audit DROP CONSTRAINT audit_outcome_check,
  ADD CONSTRAINT audit_outcome_check CHECK (outcome IN ('ok', 'queued', 'refused', 'failed', 'cancelled'));
CREATE INDEX audit_by_time ON matrix_admin.audit (at);
`;

const DOWN = `
DROP INDEX matrix_admin.audit_by_time;
UPDATE matrix_admin.audit SET outcome = 'ok' WHERE outcome IN ('queued', 'cancelled');
ALTER TABLE matrix_admin.audit DROP CONSTRAINT audit_outcome_check,
  ADD CONSTRAINT audit_outcome_check CHECK (outcome IN ('ok', 'refused', 'failed'));
ALTER TABLE matrix_admin.jobs DROP COLUMN target;
`;

/**
 * Adds to each job its target: the id of the room or user that the job is about. Allows the audit outcomes `queued` and
 * `cancelled`, so that the start of a job and its end can each have an audit entry.
 */
export const jobTargets = {
  name: '0008-job-targets',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw(DOWN);
  },
};
