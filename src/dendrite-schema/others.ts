/** SQL for the list of Dendrite's own migrations, and for the tables of its media repository. */
export const OTHERS = `
CREATE TABLE db_migrations (
  version text PRIMARY KEY,
  time text NOT NULL,
  dendrite_version text NOT NULL
);

CREATE TABLE mediaapi_media_repository (
  media_id text NOT NULL,
  media_origin text NOT NULL,
  content_type text NOT NULL,
  file_size_bytes bigint NOT NULL,
  creation_ts bigint NOT NULL,
  upload_name text NOT NULL,
  base64hash text NOT NULL,
  user_id text NOT NULL
);
CREATE UNIQUE INDEX mediaapi_media_repository_index ON mediaapi_media_repository (media_id, media_origin);

CREATE TABLE mediaapi_thumbnail (
  media_id text NOT NULL,
  media_origin text NOT NULL,
  content_type text NOT NULL,
  file_size_bytes bigint NOT NULL,
  creation_ts bigint NOT NULL,
  width integer NOT NULL,
  height integer NOT NULL,
  resize_method text NOT NULL
);
CREATE UNIQUE INDEX mediaapi_thumbnail_index
  ON mediaapi_thumbnail (media_id, media_origin, width, height, resize_method);
`;
