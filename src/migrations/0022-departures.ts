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
 * Creates the table of the local users of purged rooms. After a purge, Dendrite's tables no longer tell who was in the room,
 * but the clients of these users still show the room until `/sync` reports a leave. The table has no primary key, because
 * checking the key would slow down the purge of a large room. If a room is purged twice, a user may have two rows for the room.
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
