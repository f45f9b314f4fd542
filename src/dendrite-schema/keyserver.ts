/** SQL for the tables with the keys of end-to-end encryption. */
export const KEYSERVER = `
CREATE TABLE keyserver_cross_signing_keys (
  user_id text NOT NULL,
  key_type smallint NOT NULL,
  key_data text NOT NULL,
  PRIMARY KEY (user_id, key_type)
);

CREATE TABLE keyserver_cross_signing_sigs (
  origin_user_id text NOT NULL,
  origin_key_id text NOT NULL,
  target_user_id text NOT NULL,
  target_key_id text NOT NULL,
  signature text NOT NULL,
  PRIMARY KEY (origin_user_id, origin_key_id, target_user_id, target_key_id)
);
CREATE INDEX keyserver_cross_signing_sigs_idx
  ON keyserver_cross_signing_sigs (origin_user_id, target_user_id, target_key_id);

CREATE TABLE keyserver_device_keys (
  user_id text NOT NULL,
  device_id text NOT NULL,
  ts_added_secs bigint NOT NULL,
  key_json text NOT NULL,
  stream_id bigint NOT NULL,
  display_name text,
  CONSTRAINT keyserver_device_keys_unique UNIQUE (user_id, device_id)
);

CREATE TABLE keyserver_fallback_keys (
  user_id text NOT NULL,
  device_id text NOT NULL,
  key_id text NOT NULL,
  algorithm text NOT NULL,
  ts_added_secs bigint NOT NULL,
  key_json text NOT NULL,
  used boolean NOT NULL,
  CONSTRAINT keyserver_fallback_keys_unique UNIQUE (user_id, device_id, algorithm)
);
CREATE INDEX keyserver_fallback_keys_idx ON keyserver_fallback_keys (user_id, device_id);

CREATE SEQUENCE keyserver_key_changes_seq;
CREATE TABLE keyserver_key_changes (
  change_id bigint PRIMARY KEY DEFAULT nextval('keyserver_key_changes_seq'),
  user_id text NOT NULL,
  CONSTRAINT keyserver_key_changes_unique_per_user UNIQUE (user_id)
);

CREATE TABLE keyserver_one_time_keys (
  user_id text NOT NULL,
  device_id text NOT NULL,
  key_id text NOT NULL,
  algorithm text NOT NULL,
  ts_added_secs bigint NOT NULL,
  key_json text NOT NULL,
  CONSTRAINT keyserver_one_time_keys_unique UNIQUE (user_id, device_id, key_id, algorithm)
);
CREATE INDEX keyserver_one_time_keys_idx ON keyserver_one_time_keys (user_id, device_id);

CREATE TABLE keyserver_stale_device_lists (
  user_id text PRIMARY KEY,
  domain text NOT NULL,
  is_stale boolean NOT NULL,
  ts_added_secs bigint NOT NULL
);
CREATE INDEX keyserver_stale_device_lists_idx ON keyserver_stale_device_lists (domain, is_stale);
`;
