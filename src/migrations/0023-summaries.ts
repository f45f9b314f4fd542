import type { Knex } from 'knex';

/**
 * The table of room summaries. A summary contains what a list of rooms shows about a room. `up_to` is the NID (Dendrite's
 * number) of the event that was the room's newest when the summary was last written. `state_snapshot_nid` is the NID of the
 * room's state at that time. Texts are cut at 255 characters, because PostgreSQL cannot index long texts. `search_name` and
 * `search_alias` are not cut. This migration creates no indexes for sorting and searching the list of rooms. The first rebuild
 * of the summaries creates these indexes. `fillfactor` keeps free space in each disk page of the table, so that PostgreSQL can
 * update a row without touching the indexes if no indexed column changes.
 */
const ROOMS = `
CREATE TABLE matrix_admin.room_summaries (
  room_nid bigint PRIMARY KEY,
  room_id text COLLATE "C" NOT NULL,
  up_to bigint NOT NULL,
  state_snapshot_nid bigint NOT NULL,
  name text COLLATE "C",
  canonical_alias text COLLATE "C",
  joined_members integer NOT NULL,
  joined_local_members integer NOT NULL,
  version text COLLATE "C" NOT NULL,
  creator text COLLATE "C",
  encryption text COLLATE "C",
  federatable boolean NOT NULL,
  join_rules text COLLATE "C",
  guest_access text COLLATE "C",
  history_visibility text COLLATE "C",
  state_events integer NOT NULL,
  search_name text COLLATE "C",
  search_alias text COLLATE "C"
) WITH (fillfactor = 75);
`;

/**
 * The table with the state of each kind of summaries. `built_at` is the time at which the last rebuild of the summaries of the
 * kind ended. Before the first rebuild has ended, `built_at` is NULL, the summaries are incomplete, and the plugin does not
 * read lists from them.
 */
const STATES = `
CREATE TABLE matrix_admin.summary_states (
  kind text PRIMARY KEY,
  built_at timestamptz
);
INSERT INTO matrix_admin.summary_states (kind) VALUES ('rooms');
`;

/**
 * Creates the table of room summaries, from which the plugin reads lists of rooms, and the table with the state of summaries.
 */
export const summaries = {
  name: '0023-summaries',
  up: async (db: Knex): Promise<void> => {
    await db.raw(ROOMS + STATES);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP TABLE matrix_admin.room_summaries, matrix_admin.summary_states');
  },
};
