import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.event_report_statuses (
  report_id bigint PRIMARY KEY,
  status text NOT NULL CHECK (status IN ('open', 'resolved')),
  note text,
  changed_by text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE matrix_admin.account_restrictions (
  user_id text COLLATE "C" NOT NULL,
  restriction text NOT NULL CHECK (restriction IN ('suspended', 'locked')),
  set_by text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (user_id, restriction)
);
`;

/** Creates the table for the statuses of event reports, and the table for suspended and locked accounts. */
export const moderation = {
  name: '0006-moderation',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.account_restrictions, matrix_admin.event_report_statuses');
  },
};
