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
 * Creates the table of leftovers: the events that a purge of history has taken out of the timeline, but not deleted, and the
 * state snapshots and state blocks of such events. A purge deletes them later, if nothing needs them any more. `needed` is true
 * if the last purge has found that something needs the leftover. `is_local` is true for an event of a local user.
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
