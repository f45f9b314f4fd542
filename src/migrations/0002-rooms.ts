import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.blocked_rooms (
  room_id text COLLATE "C" PRIMARY KEY,
  reason text,
  blocked_by text NOT NULL,
  blocked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE matrix_admin.purges (
  room_id text COLLATE "C" PRIMARY KEY,
  progress jsonb NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
`;

/** Creates the tables for rooms that are blocked and for rooms that are being purged. */
export const rooms = {
  name: '0002-rooms',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.purges, matrix_admin.blocked_rooms');
  },
};
