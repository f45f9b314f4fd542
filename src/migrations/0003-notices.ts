import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.notice_transactions (
  actor text NOT NULL,
  transaction_id text NOT NULL,
  event_id text NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (actor, transaction_id)
);
CREATE INDEX notice_transactions_by_age ON matrix_admin.notice_transactions (sent_at);
`;

/** Creates the table that stores which server notice was sent with which of the client's transaction ids. */
export const notices = {
  name: '0003-notices',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.notice_transactions');
  },
};
