/** SQL for the tables of the federation sender, such as its queues, and for the tables with the keys of other servers. */
export const FEDERATION = `
CREATE TABLE federationsender_assumed_offline (
  server_name text PRIMARY KEY
);

CREATE TABLE federationsender_blacklist (
  server_name text NOT NULL,
  CONSTRAINT federationsender_blacklist_server_name_key UNIQUE (server_name)
);

CREATE TABLE federationsender_inbound_peeks (
  room_id text NOT NULL,
  server_name text NOT NULL,
  peek_id text NOT NULL,
  creation_ts bigint NOT NULL,
  renewed_ts bigint NOT NULL,
  renewal_interval bigint NOT NULL,
  CONSTRAINT federationsender_inbound_peeks_room_id_server_name_peek_id_key UNIQUE (room_id, server_name, peek_id)
);

CREATE TABLE federationsender_joined_hosts (
  room_id text NOT NULL,
  event_id text NOT NULL,
  server_name text NOT NULL
);
CREATE UNIQUE INDEX federatonsender_joined_hosts_event_id_idx ON federationsender_joined_hosts (event_id);
CREATE INDEX federatonsender_joined_hosts_room_id_idx ON federationsender_joined_hosts (room_id);

CREATE SEQUENCE federationsender_notary_server_keys_json_pkey;
CREATE TABLE federationsender_notary_server_keys_json (
  notary_id bigint NOT NULL DEFAULT nextval('federationsender_notary_server_keys_json_pkey'),
  response_json text NOT NULL,
  server_name text NOT NULL,
  valid_until bigint NOT NULL,
  CONSTRAINT federationsender_notary_server_keys_json_pkey1 PRIMARY KEY (notary_id)
);

CREATE TABLE federationsender_notary_server_keys_metadata (
  notary_id bigint NOT NULL,
  server_name text NOT NULL,
  key_id text NOT NULL,
  CONSTRAINT federationsender_notary_server_keys_meta_server_name_key_id_key UNIQUE (server_name, key_id)
);

CREATE TABLE federationsender_outbound_peeks (
  room_id text NOT NULL,
  server_name text NOT NULL,
  peek_id text NOT NULL,
  creation_ts bigint NOT NULL,
  renewed_ts bigint NOT NULL,
  renewal_interval bigint NOT NULL,
  CONSTRAINT federationsender_outbound_peeks_room_id_server_name_peek_id_key UNIQUE (room_id, server_name, peek_id)
);

CREATE TABLE federationsender_queue_edus (
  edu_type text NOT NULL,
  server_name text NOT NULL,
  json_nid bigint NOT NULL,
  expires_at bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX federationsender_queue_edus_json_nid_idx ON federationsender_queue_edus (json_nid, server_name);
CREATE INDEX federationsender_queue_edus_nid_idx ON federationsender_queue_edus (json_nid);
CREATE INDEX federationsender_queue_edus_server_name_idx ON federationsender_queue_edus (server_name);

CREATE TABLE federationsender_queue_json (
  json_nid bigserial,
  json_body text NOT NULL
);
CREATE UNIQUE INDEX federationsender_queue_json_json_nid_idx ON federationsender_queue_json (json_nid);

CREATE TABLE federationsender_queue_pdus (
  transaction_id text NOT NULL,
  server_name text NOT NULL,
  json_nid bigint NOT NULL
);
CREATE INDEX federationsender_queue_pdus_json_nid_idx ON federationsender_queue_pdus (json_nid);
CREATE UNIQUE INDEX federationsender_queue_pdus_pdus_json_nid_idx
  ON federationsender_queue_pdus (json_nid, server_name);
CREATE INDEX federationsender_queue_pdus_server_name_idx ON federationsender_queue_pdus (server_name);

CREATE TABLE federationsender_relay_servers (
  server_name text NOT NULL,
  relay_server_name text NOT NULL,
  CONSTRAINT federationsender_relay_server_server_name_relay_server_name_key UNIQUE (server_name, relay_server_name)
);
CREATE INDEX federationsender_relay_servers_server_name_idx ON federationsender_relay_servers (server_name);

CREATE TABLE keydb_server_keys (
  server_name text NOT NULL,
  server_key_id text NOT NULL,
  server_name_and_key_id text NOT NULL,
  valid_until_ts bigint NOT NULL,
  expired_ts bigint NOT NULL,
  server_key text NOT NULL,
  CONSTRAINT keydb_server_keys_unique UNIQUE (server_name, server_key_id)
);
CREATE INDEX keydb_server_name_and_key_id ON keydb_server_keys (server_name_and_key_id);
`;
