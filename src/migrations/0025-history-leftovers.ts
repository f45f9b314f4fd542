import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.history_leftovers (
  room_nid bigint NOT NULL,
  kind text NOT NULL,
  nid bigint NOT NULL,
  is_local boolean NOT NULL DEFAULT false,
  needed boolean NOT NULL DEFAULT false,
  PRIMARY KEY (room_nid, kind, nid)
);
`;

/**
 * Creates the table of the events, state snapshots and state blocks that purges of history have taken out of use but not
 * deleted, because something may still need them.
 */
export const historyLeftovers = {
  name: '0025-history-leftovers',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.history_leftovers');
  },
};
