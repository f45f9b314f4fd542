import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.departures (
  user_id text COLLATE "C" NOT NULL,
  room_id text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  left_position bigint,
  departed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX departures_by_user ON matrix_admin.departures (user_id);
CREATE INDEX departures_by_time ON matrix_admin.departures USING brin (departed_at);
`;

/**
 * Creates the table of the local users of purged rooms. After a purge, Dendrite has no rows for these users, but their clients
 * still show the room. The table has no key, because checking a key would slow down the purge of a large room. If a room is
 * purged twice, each user has two rows.
 */
export const departures = {
  name: '0022-departures',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.departures');
  },
};
