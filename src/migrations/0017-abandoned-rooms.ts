import type { Knex } from 'knex';

/**
 * Creates the table of rooms in which no local user has joined, is invited or is knocking. `since` is the time at which the
 * plugin first found the room in this condition. Dendrite does not store when the last local user left a room.
 */
export const abandonedRooms = {
  name: '0017-abandoned-rooms',
  up: async (db: Knex): Promise<void> => {
    await db.raw(
      `CREATE TABLE matrix_admin.abandoned_rooms (
         room_id text PRIMARY KEY,
         since timestamptz NOT NULL DEFAULT clock_timestamp())`,
    );
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.abandoned_rooms');
  },
};
