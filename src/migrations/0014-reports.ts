import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.reports (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id text COLLATE "C",
  room_id text COLLATE "C",
  reporter text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
  note text,
  changed_by text,
  changed_at timestamptz,
  CHECK (num_nonnulls(user_id, room_id) = 1)
);
CREATE INDEX reports_room_id_idx ON matrix_admin.reports (room_id) WHERE room_id IS NOT NULL;
`;

/** Creates the table for reports about users and rooms. Dendrite's own table of reports is only for reports about events. */
export const reports = {
  name: '0014-reports',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.reports');
  },
};
