import type { Knex } from 'knex';
import { rowsOf } from './database.ts';

/** The tables and columns of Dendrite's schema that the plugin reads or writes. */
export const REQUIRED_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  federationsender_assumed_offline: ['server_name'],
  federationsender_blacklist: ['server_name'],
  federationsender_inbound_peeks: ['room_id', 'server_name'],
  federationsender_joined_hosts: ['room_id', 'event_id', 'server_name'],
  federationsender_outbound_peeks: ['room_id'],
  federationsender_queue_edus: ['edu_type', 'server_name', 'json_nid', 'expires_at'],
  federationsender_queue_json: ['json_nid', 'json_body'],
  federationsender_queue_pdus: ['transaction_id', 'json_nid', 'server_name'],
  keyserver_cross_signing_keys: ['user_id', 'key_type', 'key_data'],
  keyserver_cross_signing_sigs: ['origin_user_id', 'origin_key_id', 'target_user_id', 'target_key_id', 'signature'],
  keyserver_device_keys: ['user_id', 'device_id', 'ts_added_secs', 'key_json', 'stream_id', 'display_name'],
  keyserver_fallback_keys: ['user_id', 'device_id'],
  keyserver_key_changes: ['change_id', 'user_id'],
  keyserver_one_time_keys: ['user_id', 'device_id'],
  keyserver_stale_device_lists: ['user_id', 'domain', 'is_stale', 'ts_added_secs'],
  mediaapi_media_repository: [
    'media_id',
    'media_origin',
    'content_type',
    'file_size_bytes',
    'creation_ts',
    'upload_name',
    'base64hash',
    'user_id',
  ],
  mediaapi_thumbnail: ['media_id', 'media_origin', 'file_size_bytes', 'width', 'height', 'resize_method'],
  roomserver_event_json: ['event_nid', 'event_json'],
  roomserver_event_state_keys: ['event_state_key_nid', 'event_state_key'],
  roomserver_event_types: ['event_type_nid', 'event_type'],
  roomserver_events: [
    'event_nid',
    'room_nid',
    'event_type_nid',
    'event_state_key_nid',
    'event_id',
    'sent_to_output',
    'state_snapshot_nid',
    'depth',
    'auth_event_nids',
    'is_rejected',
  ],
  roomserver_invites: ['invite_event_id', 'room_nid', 'target_nid', 'sender_nid', 'retired', 'invite_event_json'],
  roomserver_membership: [
    'room_nid',
    'target_nid',
    'sender_nid',
    'membership_nid',
    'event_nid',
    'target_local',
    'forgotten',
  ],
  roomserver_previous_events: ['previous_event_id', 'event_nids'],
  roomserver_published: ['room_id', 'appservice_id', 'network_id', 'published'],
  roomserver_redactions: ['redaction_event_id', 'redacts_event_id', 'validated'],
  roomserver_reported_events: [
    'id',
    'room_nid',
    'event_nid',
    'reporting_user_nid',
    'event_sender_nid',
    'reason',
    'score',
    'received_ts',
  ],
  roomserver_room_aliases: ['alias', 'room_id', 'creator_id'],
  roomserver_rooms: [
    'room_nid',
    'room_id',
    'latest_event_nids',
    'last_event_sent_nid',
    'state_snapshot_nid',
    'room_version',
  ],
  roomserver_state_block: ['state_block_nid', 'state_block_hash', 'event_nids'],
  roomserver_state_snapshots: ['state_snapshot_nid', 'state_snapshot_hash', 'room_nid', 'state_block_nids'],
  roomserver_user_room_keys: ['room_nid'],
  syncapi_account_data_type: ['id', 'user_id', 'room_id', 'type'],
  syncapi_backward_extremities: ['room_id', 'event_id', 'prev_event_id'],
  syncapi_current_room_state: [
    'room_id',
    'event_id',
    'type',
    'sender',
    'contains_url',
    'state_key',
    'headered_event_json',
    'membership',
    'added_at',
    'history_visibility',
  ],
  syncapi_filter: ['id', 'filter'],
  syncapi_invite_events: ['id', 'event_id', 'room_id', 'target_user_id', 'headered_event_json', 'deleted'],
  syncapi_memberships: ['room_id', 'user_id', 'membership', 'event_id', 'stream_pos', 'topological_pos'],
  syncapi_notification_data: ['user_id', 'room_id', 'notification_count', 'highlight_count'],
  syncapi_output_room_events: [
    'id',
    'event_id',
    'room_id',
    'headered_event_json',
    'type',
    'sender',
    'contains_url',
    'add_state_ids',
    'remove_state_ids',
    'session_id',
    'transaction_id',
    'exclude_from_sync',
    'history_visibility',
  ],
  syncapi_output_room_events_topology: ['event_id', 'topological_position', 'stream_position', 'room_id'],
  syncapi_peeks: ['room_id'],
  syncapi_presence: ['user_id', 'presence', 'status_msg', 'last_active_ts'],
  syncapi_receipts: ['room_id', 'receipt_type', 'user_id', 'event_id', 'receipt_ts'],
  syncapi_relations: ['room_id', 'event_id', 'child_event_id', 'child_event_type', 'rel_type'],
  syncapi_send_to_device: ['id', 'user_id', 'device_id', 'content'],
  userapi_account_datas: ['localpart', 'server_name', 'room_id', 'type', 'content'],
  userapi_accounts: [
    'localpart',
    'server_name',
    'created_ts',
    'password_hash',
    'account_type',
    'is_deactivated',
    'appservice_id',
  ],
  userapi_daily_visits: ['localpart', 'device_id', 'timestamp', 'user_agent'],
  userapi_devices: [
    'access_token',
    'session_id',
    'device_id',
    'localpart',
    'server_name',
    'created_ts',
    'display_name',
    'last_seen_ts',
    'ip',
    'user_agent',
  ],
  userapi_key_backup_versions: ['user_id', 'version', 'etag'],
  userapi_key_backups: ['user_id', 'room_id', 'version'],
  userapi_login_tokens: ['user_id'],
  userapi_notifications: ['id', 'localpart', 'server_name', 'room_id', 'event_id', 'highlight', 'read'],
  userapi_openid_tokens: ['localpart', 'server_name'],
  userapi_profiles: ['localpart', 'server_name', 'display_name', 'avatar_url'],
  userapi_pushers: [
    'id',
    'localpart',
    'server_name',
    'session_id',
    'profile_tag',
    'kind',
    'app_id',
    'app_display_name',
    'device_display_name',
    'pushkey',
    'lang',
    'data',
  ],
  userapi_registration_tokens: ['token', 'pending', 'completed', 'uses_allowed', 'expiry_time'],
  userapi_threepids: ['threepid', 'medium', 'localpart', 'server_name'],
};

const OLDEST_POSTGRES = 130_000;

/** Formats `server_version_num`. For example, 120022 becomes `12.22`. */
const versionText = (version: number): string => `${Math.floor(version / 10_000)}.${version % 10_000}`;

/**
 * Checks that the plugin can use the database.
 * @throws Error that names the unsupported PostgreSQL version, the unsupported encoding, or all missing tables and columns
 */
export async function preflight(db: Knex): Promise<void> {
  const [server] = await rowsOf<{ version: number; encoding: string }>(
    db.raw(
      `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding`,
    ),
  );
  if (server === undefined || server.version < OLDEST_POSTGRES) {
    throw new Error(
      `koa-matrix-admin needs PostgreSQL 13 or later, and this server has ${server === undefined ? 'an unknown version' : versionText(server.version)}`,
    );
  }
  if (server.encoding !== 'UTF8') {
    throw new Error(
      `koa-matrix-admin needs a database with the encoding UTF8. This one has ${server.encoding}, which cannot store most messages. ` +
        `Create one with ENCODING 'UTF8' TEMPLATE template0 and move the tables there.`,
    );
  }
  const missing = await missingColumns(db, REQUIRED_COLUMNS);
  if (missing.length > 0) {
    throw new Error(
      `koa-matrix-admin works on Dendrite's PostgreSQL schema, and this database lacks: ${missing.join(', ')}. ` +
        `Create the homeserver's tables before start(); koa-matrix-admin/dendrite-schema creates them in an empty database.`,
    );
  }
}

/** Lists those of the required columns that the schema `public` lacks, each as `table.column`. */
export async function missingColumns(
  db: Knex,
  required: Readonly<Record<string, readonly string[]>>,
): Promise<string[]> {
  const present = await rowsOf<{ name: string }>(
    db.raw(
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND table_name = ANY(?)`,
      [Object.keys(required)],
    ),
  );
  const names = new Set(present.map(({ name }) => name));
  return Object.entries(required)
    .flatMap(([table, columns]) => columns.map((column) => `${table}.${column}`))
    .filter((name) => !names.has(name));
}
