/**
 * SQL for the tables that Dendrite reads for `/sync`, `/messages` and `/search`. Several of these tables number their rows with
 * the same sequence, `syncapi_stream_id`.
 */
export const SYNCAPI = `
CREATE SEQUENCE syncapi_stream_id;
CREATE TABLE syncapi_account_data_type (
  id bigint PRIMARY KEY DEFAULT nextval('syncapi_stream_id'),
  user_id text NOT NULL,
  room_id text NOT NULL,
  type text NOT NULL,
  CONSTRAINT syncapi_account_data_unique UNIQUE (user_id, room_id, type)
);
CREATE UNIQUE INDEX syncapi_account_data_id_idx ON syncapi_account_data_type (id, type);

CREATE TABLE syncapi_backward_extremities (
  room_id text NOT NULL,
  event_id text NOT NULL,
  prev_event_id text NOT NULL,
  PRIMARY KEY (room_id, event_id, prev_event_id)
);

CREATE TABLE syncapi_current_room_state (
  room_id text NOT NULL,
  event_id text NOT NULL,
  type text NOT NULL,
  sender text NOT NULL,
  contains_url boolean NOT NULL,
  state_key text NOT NULL,
  headered_event_json text NOT NULL,
  membership text,
  added_at bigint,
  history_visibility smallint NOT NULL DEFAULT 2,
  CONSTRAINT syncapi_room_state_unique UNIQUE (room_id, type, state_key)
);
CREATE UNIQUE INDEX syncapi_current_room_state_eventid_idx ON syncapi_current_room_state (event_id);
CREATE INDEX syncapi_current_room_state_type_state_key_idx ON syncapi_current_room_state (type, state_key);
CREATE UNIQUE INDEX syncapi_event_id_idx ON syncapi_current_room_state (event_id, room_id, type, sender, contains_url);
CREATE INDEX syncapi_membership_idx ON syncapi_current_room_state (type, state_key, membership)
  WHERE membership IS NOT NULL AND membership <> 'leave';

CREATE TABLE syncapi_filter (
  filter text NOT NULL,
  id serial,
  localpart text NOT NULL,
  PRIMARY KEY (id, localpart),
  CONSTRAINT syncapi_filter_id_key UNIQUE (id)
);
CREATE INDEX syncapi_filter_localpart ON syncapi_filter (localpart);

CREATE TABLE syncapi_ignores (
  user_id text PRIMARY KEY,
  ignores_json text NOT NULL
);

CREATE TABLE syncapi_invite_events (
  id bigint PRIMARY KEY DEFAULT nextval('syncapi_stream_id'),
  event_id text NOT NULL,
  room_id text NOT NULL,
  target_user_id text NOT NULL,
  headered_event_json text NOT NULL,
  deleted boolean NOT NULL
);
CREATE INDEX syncapi_invites_event_id_idx ON syncapi_invite_events (event_id);
CREATE INDEX syncapi_invites_target_user_id_idx ON syncapi_invite_events (target_user_id, id);

CREATE TABLE syncapi_memberships (
  room_id text NOT NULL,
  user_id text NOT NULL,
  membership text NOT NULL,
  event_id text NOT NULL,
  stream_pos bigint NOT NULL,
  topological_pos bigint NOT NULL,
  CONSTRAINT syncapi_memberships_unique UNIQUE (room_id, user_id, membership)
);

CREATE TABLE syncapi_notification_data (
  id bigserial PRIMARY KEY,
  user_id text NOT NULL,
  room_id text NOT NULL,
  notification_count bigint NOT NULL DEFAULT 0,
  highlight_count bigint NOT NULL DEFAULT 0,
  CONSTRAINT syncapi_notification_data_unique UNIQUE (user_id, room_id)
);

CREATE TABLE syncapi_output_room_events (
  id bigint PRIMARY KEY DEFAULT nextval('syncapi_stream_id'),
  event_id text NOT NULL,
  room_id text NOT NULL,
  headered_event_json text NOT NULL,
  type text NOT NULL,
  sender text NOT NULL,
  contains_url boolean NOT NULL,
  add_state_ids text[],
  remove_state_ids text[],
  session_id bigint,
  transaction_id text,
  exclude_from_sync boolean DEFAULT false,
  history_visibility smallint NOT NULL DEFAULT 2,
  CONSTRAINT syncapi_output_room_event_id_idx UNIQUE (event_id)
);
CREATE INDEX syncapi_output_room_events_add_state_ids_idx ON syncapi_output_room_events ((add_state_ids IS NOT NULL));
CREATE INDEX syncapi_output_room_events_exclude_from_sync_idx ON syncapi_output_room_events (exclude_from_sync);
CREATE INDEX syncapi_output_room_events_recent_events_idx
  ON syncapi_output_room_events (room_id, exclude_from_sync, id, sender, type);
CREATE INDEX syncapi_output_room_events_remove_state_ids_idx
  ON syncapi_output_room_events ((remove_state_ids IS NOT NULL));
CREATE INDEX syncapi_output_room_events_room_id_idx ON syncapi_output_room_events (room_id);
CREATE INDEX syncapi_output_room_events_sender_idx ON syncapi_output_room_events (sender);
CREATE INDEX syncapi_output_room_events_type_idx ON syncapi_output_room_events (type);

CREATE TABLE syncapi_output_room_events_topology (
  event_id text PRIMARY KEY,
  topological_position bigint NOT NULL,
  stream_position bigint NOT NULL,
  room_id text NOT NULL
);
CREATE UNIQUE INDEX syncapi_event_topological_position_idx
  ON syncapi_output_room_events_topology (topological_position, stream_position, room_id);

CREATE TABLE syncapi_peeks (
  id bigint DEFAULT nextval('syncapi_stream_id'),
  room_id text NOT NULL,
  user_id text NOT NULL,
  device_id text NOT NULL,
  deleted boolean NOT NULL DEFAULT false,
  creation_ts bigint NOT NULL,
  CONSTRAINT syncapi_peeks_room_id_user_id_device_id_key UNIQUE (room_id, user_id, device_id)
);
CREATE INDEX syncapi_peeks_room_id_idx ON syncapi_peeks (room_id);
CREATE INDEX syncapi_peeks_user_id_device_id_idx ON syncapi_peeks (user_id, device_id);

CREATE SEQUENCE syncapi_presence_id;
CREATE TABLE syncapi_presence (
  id bigint PRIMARY KEY DEFAULT nextval('syncapi_presence_id'),
  user_id text NOT NULL,
  presence integer NOT NULL,
  status_msg text,
  last_active_ts bigint NOT NULL,
  CONSTRAINT presence_presences_unique UNIQUE (user_id)
);
CREATE INDEX syncapi_presence_user_id ON syncapi_presence (user_id);

CREATE SEQUENCE syncapi_receipt_id;
CREATE TABLE syncapi_receipts (
  id bigint PRIMARY KEY DEFAULT nextval('syncapi_receipt_id'),
  room_id text NOT NULL,
  receipt_type text NOT NULL,
  user_id text NOT NULL,
  event_id text NOT NULL,
  receipt_ts bigint NOT NULL,
  CONSTRAINT syncapi_receipts_unique UNIQUE (room_id, receipt_type, user_id)
);
CREATE INDEX syncapi_receipts_room_id ON syncapi_receipts (room_id);

CREATE SEQUENCE syncapi_relation_id;
CREATE TABLE syncapi_relations (
  id bigint PRIMARY KEY DEFAULT nextval('syncapi_relation_id'),
  room_id text NOT NULL,
  event_id text NOT NULL,
  child_event_id text NOT NULL,
  child_event_type text NOT NULL,
  rel_type text NOT NULL,
  CONSTRAINT syncapi_relations_unique UNIQUE (room_id, event_id, child_event_id, rel_type)
);

CREATE SEQUENCE syncapi_send_to_device_id;
CREATE TABLE syncapi_send_to_device (
  id bigint PRIMARY KEY DEFAULT nextval('syncapi_send_to_device_id'),
  user_id text NOT NULL,
  device_id text NOT NULL,
  content text NOT NULL
);
CREATE INDEX syncapi_send_to_device_user_id_device_id_idx ON syncapi_send_to_device (user_id, device_id);
`;
