import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.media_standings (
  media_origin text NOT NULL,
  media_id text NOT NULL,
  base64hash text,
  quarantined_by text,
  quarantined_at timestamptz,
  is_protected boolean NOT NULL DEFAULT false,
  PRIMARY KEY (media_origin, media_id));
CREATE INDEX media_standings_hash ON matrix_admin.media_standings (base64hash) WHERE quarantined_by IS NOT NULL;

CREATE TABLE matrix_admin.media_quarantine_changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  media_origin text NOT NULL,
  media_id text NOT NULL,
  quarantined boolean NOT NULL);

CREATE TABLE matrix_admin.media_removals (
  base64hash text NOT NULL,
  thumbnail text NOT NULL,
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (base64hash, thumbnail));
CREATE INDEX media_removals_due ON matrix_admin.media_removals (due_at);
`;

/**
 * Creates three tables of media. `media_standings`: whether a media is quarantined, and whether it is protected from
 * quarantines. `media_quarantine_changes`: a log of the beginnings and ends of quarantines. `media_removals`: the files that
 * the plugin has to remove. There, `thumbnail` is the name of a thumbnail, such as `96x96-crop`, or empty for the file of the
 * media itself.
 */
export const media = {
  name: '0021-media',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw(
      'DROP TABLE matrix_admin.media_standings, matrix_admin.media_quarantine_changes, matrix_admin.media_removals',
    );
  },
};
