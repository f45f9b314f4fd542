import type { Knex } from 'knex';

/** The time since which rooms have had no local users. Dendrite's tables do not have it. */
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
