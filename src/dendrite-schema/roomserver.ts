/**
 * SQL for the tables of Dendrite's roomserver: rooms with their events, state, members and aliases, the room directory, and
 * reports of events. A NID is the number by which these tables refer to a row of another table, for example to a room, an
 * event, an event type, a state key or a state snapshot. If `event_state_key_nid` is 0, the event is not a state event.
 */
export const ROOMSERVER = `
CREATE TABLE roomserver_event_json (
  event_nid bigint PRIMARY KEY,
  event_json text NOT NULL
);

CREATE SEQUENCE roomserver_event_state_key_nid_seq START 65536;
CREATE TABLE roomserver_event_state_keys (
  event_state_key_nid bigint PRIMARY KEY DEFAULT nextval('roomserver_event_state_key_nid_seq'),
  event_state_key text NOT NULL,
  CONSTRAINT roomserver_event_state_key_unique UNIQUE (event_state_key)
);

CREATE SEQUENCE roomserver_event_type_nid_seq START 65536;
CREATE TABLE roomserver_event_types (
  event_type_nid bigint PRIMARY KEY DEFAULT nextval('roomserver_event_type_nid_seq'),
  event_type text NOT NULL,
  CONSTRAINT roomserver_event_type_unique UNIQUE (event_type)
);

CREATE SEQUENCE roomserver_event_nid_seq;
CREATE TABLE roomserver_events (
  event_nid bigint PRIMARY KEY DEFAULT nextval('roomserver_event_nid_seq'),
  room_nid bigint NOT NULL,
  event_type_nid bigint NOT NULL,
  event_state_key_nid bigint NOT NULL,
  sent_to_output boolean NOT NULL DEFAULT false,
  state_snapshot_nid bigint NOT NULL DEFAULT 0,
  depth bigint NOT NULL,
  event_id text NOT NULL,
  auth_event_nids bigint[] NOT NULL,
  is_rejected boolean NOT NULL DEFAULT false,
  CONSTRAINT roomserver_event_id_unique UNIQUE (event_id)
);
CREATE INDEX roomserver_event_event_type_nid_idx ON roomserver_events (event_type_nid);
CREATE INDEX roomserver_event_state_key_nid_idx ON roomserver_events (event_state_key_nid);
CREATE INDEX roomserver_events_memberships_idx ON roomserver_events (room_nid, event_state_key_nid)
  WHERE event_type_nid = 5;

CREATE TABLE roomserver_invites (
  invite_event_id text PRIMARY KEY,
  room_nid bigint NOT NULL,
  target_nid bigint NOT NULL,
  sender_nid bigint NOT NULL DEFAULT 0,
  retired boolean NOT NULL DEFAULT false,
  invite_event_json text NOT NULL
);
CREATE INDEX roomserver_invites_active_idx ON roomserver_invites (target_nid, room_nid) WHERE NOT retired;

CREATE TABLE roomserver_membership (
  room_nid bigint NOT NULL,
  target_nid bigint NOT NULL,
  sender_nid bigint NOT NULL DEFAULT 0,
  membership_nid bigint NOT NULL DEFAULT 1,
  event_nid bigint NOT NULL DEFAULT 0,
  target_local boolean NOT NULL DEFAULT false,
  forgotten boolean NOT NULL DEFAULT false,
  CONSTRAINT roomserver_membership_room_nid_target_nid_key UNIQUE (room_nid, target_nid)
);

CREATE TABLE roomserver_previous_events (
  previous_event_id text NOT NULL,
  event_nids bigint[] NOT NULL,
  CONSTRAINT roomserver_previous_event_id_unique UNIQUE (previous_event_id)
);

CREATE TABLE roomserver_published (
  room_id text NOT NULL,
  appservice_id text NOT NULL,
  network_id text NOT NULL,
  published boolean NOT NULL DEFAULT false,
  PRIMARY KEY (room_id, appservice_id, network_id)
);

CREATE TABLE roomserver_redactions (
  redaction_event_id text PRIMARY KEY,
  redacts_event_id text NOT NULL,
  validated boolean NOT NULL
);
CREATE INDEX roomserver_redactions_redacts_event_id ON roomserver_redactions (redacts_event_id);

CREATE SEQUENCE roomserver_reported_events_id_seq;
CREATE TABLE roomserver_reported_events (
  id bigint PRIMARY KEY DEFAULT nextval('roomserver_reported_events_id_seq'),
  room_nid bigint NOT NULL,
  event_nid bigint NOT NULL,
  reporting_user_nid bigint NOT NULL,
  event_sender_nid bigint NOT NULL,
  reason text,
  score integer,
  received_ts bigint NOT NULL
);

CREATE TABLE roomserver_room_aliases (
  alias text PRIMARY KEY,
  room_id text NOT NULL,
  creator_id text NOT NULL
);
CREATE INDEX roomserver_room_id_idx ON roomserver_room_aliases (room_id);

CREATE SEQUENCE roomserver_room_nid_seq;
CREATE TABLE roomserver_rooms (
  room_nid bigint PRIMARY KEY DEFAULT nextval('roomserver_room_nid_seq'),
  room_id text NOT NULL,
  latest_event_nids bigint[] NOT NULL DEFAULT '{}',
  last_event_sent_nid bigint NOT NULL DEFAULT 0,
  state_snapshot_nid bigint NOT NULL DEFAULT 0,
  room_version text NOT NULL,
  CONSTRAINT roomserver_room_id_unique UNIQUE (room_id)
);

CREATE SEQUENCE roomserver_state_block_nid_seq;
CREATE TABLE roomserver_state_block (
  state_block_nid bigint PRIMARY KEY DEFAULT nextval('roomserver_state_block_nid_seq'),
  state_block_hash bytea,
  event_nids bigint[] NOT NULL,
  CONSTRAINT roomserver_state_block_state_block_hash_key UNIQUE (state_block_hash)
);

CREATE SEQUENCE roomserver_state_snapshot_nid_seq;
CREATE TABLE roomserver_state_snapshots (
  state_snapshot_nid bigint PRIMARY KEY DEFAULT nextval('roomserver_state_snapshot_nid_seq'),
  state_snapshot_hash bytea,
  room_nid bigint NOT NULL,
  state_block_nids bigint[] NOT NULL,
  CONSTRAINT roomserver_state_snapshots_state_snapshot_hash_key UNIQUE (state_snapshot_hash)
);

CREATE TABLE roomserver_user_room_keys (
  user_nid integer NOT NULL,
  room_nid integer NOT NULL,
  pseudo_id_key bytea,
  pseudo_id_pub_key bytea NOT NULL,
  CONSTRAINT roomserver_user_room_keys_pk PRIMARY KEY (user_nid, room_nid)
);
`;
