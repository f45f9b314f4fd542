import type { Knex } from 'knex';

/**
 * The table of user summaries. A summary contains the values by which a list of users is sorted, filtered and searched.
 * `last_seen_ts` is the greatest `bigint` if no device of the account was ever seen. `search_text` is the localpart and the
 * display name in lower case, with a line break in between. The primary key includes the columns that filters read, so that
 * PostgreSQL can skip many users without reading the table. This migration creates no indexes for sorting and searching the
 * list of users. The first rebuild of the summaries creates these indexes.
 *
 * In the table `summary_states`, `checked_up_to` is the room or account at which the last check ended. A check compares some
 * summaries with the homeserver's tables. The next check begins after this room or account.
 */
const UP = `
CREATE TABLE matrix_admin.user_summaries (
  localpart text NOT NULL,
  server_name text NOT NULL,
  account_type smallint NOT NULL,
  is_deactivated boolean NOT NULL,
  is_locked boolean NOT NULL,
  user_type text NOT NULL,
  created_ts bigint NOT NULL,
  last_seen_ts bigint NOT NULL,
  search_text text COLLATE "C" NOT NULL,
  PRIMARY KEY (localpart, server_name) INCLUDE (account_type, is_deactivated, is_locked, user_type)
);
ALTER TABLE matrix_admin.summary_states ADD COLUMN checked_up_to jsonb, ADD COLUMN checked_at timestamptz;
INSERT INTO matrix_admin.summary_states (kind) VALUES ('users');
`;

/** Creates the table of user summaries, from which the plugin reads long lists of users. */
export const userSummaries = {
  name: '0024-user-summaries',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.user_summaries');
    await db.raw(`DELETE FROM matrix_admin.summary_states WHERE kind = 'users'`);
    await db.raw('ALTER TABLE matrix_admin.summary_states DROP COLUMN checked_up_to, DROP COLUMN checked_at');
  },
};
