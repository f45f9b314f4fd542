/**
 * SQL for the tables with accounts, devices, profiles, email addresses and phone numbers (`threepids`), account data, key
 * backups, notifications, pushers, tokens and daily statistics.
 */
export const USERAPI = `
CREATE TABLE userapi_account_datas (
  localpart text NOT NULL,
  server_name text NOT NULL,
  room_id text,
  type text NOT NULL,
  content text NOT NULL
);
CREATE UNIQUE INDEX userapi_account_datas_idx ON userapi_account_datas (localpart, server_name, room_id, type);

CREATE TABLE userapi_accounts (
  localpart text NOT NULL,
  server_name text NOT NULL,
  created_ts bigint NOT NULL,
  password_hash text,
  appservice_id text,
  is_deactivated boolean DEFAULT false,
  account_type smallint NOT NULL
);
CREATE UNIQUE INDEX userapi_accounts_idx ON userapi_accounts (localpart, server_name);

CREATE TABLE userapi_daily_stats (
  "timestamp" bigint NOT NULL,
  server_name text NOT NULL,
  messages bigint NOT NULL,
  sent_messages bigint NOT NULL,
  e2ee_messages bigint NOT NULL,
  sent_e2ee_messages bigint NOT NULL,
  active_rooms bigint NOT NULL,
  active_e2ee_rooms bigint NOT NULL,
  CONSTRAINT daily_stats_unique UNIQUE ("timestamp", server_name)
);

CREATE TABLE userapi_daily_visits (
  localpart text NOT NULL,
  device_id text NOT NULL,
  "timestamp" bigint NOT NULL,
  user_agent text
);
CREATE UNIQUE INDEX userapi_daily_visits_localpart_device_timestamp_idx
  ON userapi_daily_visits (localpart, device_id, "timestamp");
CREATE INDEX userapi_daily_visits_localpart_timestamp_idx ON userapi_daily_visits (localpart, "timestamp");
CREATE INDEX userapi_daily_visits_timestamp_idx ON userapi_daily_visits ("timestamp");

CREATE SEQUENCE userapi_device_session_id_seq;
CREATE TABLE userapi_devices (
  access_token text PRIMARY KEY,
  session_id bigint NOT NULL DEFAULT nextval('userapi_device_session_id_seq'),
  device_id text NOT NULL,
  localpart text NOT NULL,
  server_name text NOT NULL,
  created_ts bigint NOT NULL,
  display_name text,
  last_seen_ts bigint NOT NULL,
  ip text,
  user_agent text
);
CREATE UNIQUE INDEX userapi_device_localpart_id_idx ON userapi_devices (localpart, server_name, device_id);

CREATE SEQUENCE userapi_key_backup_versions_seq;
CREATE TABLE userapi_key_backup_versions (
  user_id text NOT NULL,
  version bigint DEFAULT nextval('userapi_key_backup_versions_seq'),
  algorithm text NOT NULL,
  auth_data text NOT NULL,
  etag text NOT NULL,
  deleted smallint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX userapi_key_backup_versions_idx ON userapi_key_backup_versions (user_id, version);

CREATE TABLE userapi_key_backups (
  user_id text NOT NULL,
  room_id text NOT NULL,
  session_id text NOT NULL,
  version text NOT NULL,
  first_message_index integer NOT NULL,
  forwarded_count integer NOT NULL,
  is_verified boolean NOT NULL,
  session_data text NOT NULL
);
CREATE UNIQUE INDEX userapi_key_backups_idx ON userapi_key_backups (user_id, room_id, session_id, version);
CREATE INDEX userapi_key_backups_versions_idx ON userapi_key_backups (user_id, version);

CREATE TABLE userapi_login_tokens (
  token text PRIMARY KEY,
  token_expires_at timestamp NOT NULL,
  user_id text NOT NULL
);
CREATE INDEX userapi_login_tokens_expiration_idx ON userapi_login_tokens (token_expires_at);

CREATE TABLE userapi_notifications (
  id bigserial PRIMARY KEY,
  localpart text NOT NULL,
  server_name text NOT NULL,
  room_id text NOT NULL,
  event_id text NOT NULL,
  stream_pos bigint NOT NULL,
  ts_ms bigint NOT NULL,
  highlight boolean NOT NULL,
  notification_json text NOT NULL,
  read boolean NOT NULL DEFAULT false
);
CREATE INDEX userapi_notification_localpart_id_idx ON userapi_notifications (localpart, server_name, id);
CREATE INDEX userapi_notification_localpart_room_id_event_id_idx
  ON userapi_notifications (localpart, server_name, room_id, event_id);
CREATE INDEX userapi_notification_localpart_room_id_id_idx
  ON userapi_notifications (localpart, server_name, room_id, id);

CREATE TABLE userapi_openid_tokens (
  token text PRIMARY KEY,
  localpart text NOT NULL,
  server_name text NOT NULL,
  token_expires_at_ms bigint NOT NULL
);

CREATE TABLE userapi_profiles (
  localpart text NOT NULL,
  server_name text NOT NULL,
  display_name text,
  avatar_url text
);
CREATE UNIQUE INDEX userapi_profiles_idx ON userapi_profiles (localpart, server_name);

CREATE TABLE userapi_pushers (
  id bigserial PRIMARY KEY,
  localpart text NOT NULL,
  server_name text NOT NULL,
  session_id bigint,
  profile_tag text,
  kind text NOT NULL,
  app_id text NOT NULL,
  app_display_name text NOT NULL,
  device_display_name text NOT NULL,
  pushkey text NOT NULL,
  pushkey_ts_ms bigint NOT NULL DEFAULT 0,
  lang text NOT NULL,
  data text NOT NULL
);
CREATE INDEX userapi_pusher_app_id_pushkey_idx ON userapi_pushers (app_id, pushkey);
CREATE UNIQUE INDEX userapi_pusher_app_id_pushkey_localpart_idx
  ON userapi_pushers (app_id, pushkey, localpart, server_name);
CREATE INDEX userapi_pusher_localpart_idx ON userapi_pushers (localpart, server_name);

CREATE TABLE userapi_registration_tokens (
  token text PRIMARY KEY,
  pending bigint,
  completed bigint,
  uses_allowed bigint,
  expiry_time bigint
);

CREATE TABLE userapi_threepids (
  threepid text NOT NULL,
  medium text NOT NULL DEFAULT 'email',
  localpart text NOT NULL,
  server_name text NOT NULL,
  PRIMARY KEY (threepid, medium)
);
CREATE INDEX userapi_threepid_idx ON userapi_threepids (localpart, server_name);
`;
