import type { Knex } from 'knex';
import { rowsOf } from './database.ts';

/** What the plugin reads and writes of Dendrite's schema. */
export const REQUIRED_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  roomserver_rooms: ['room_nid', 'room_id', 'latest_event_nids', 'room_version'],
  roomserver_membership: ['room_nid', 'target_nid', 'membership_nid', 'target_local'],
  roomserver_event_state_keys: ['event_state_key_nid', 'event_state_key'],
  roomserver_published: ['room_id', 'published'],
  roomserver_room_aliases: ['alias', 'room_id'],
  roomserver_reported_events: ['room_nid'],
  federationsender_joined_hosts: ['room_id', 'server_name'],
  syncapi_output_room_events: ['id', 'event_id', 'room_id', 'headered_event_json', 'type', 'sender'],
  syncapi_current_room_state: ['room_id', 'type', 'state_key', 'sender', 'headered_event_json'],
  userapi_accounts: ['localpart', 'server_name', 'account_type', 'is_deactivated', 'appservice_id'],
  userapi_devices: ['access_token', 'device_id', 'localpart', 'server_name'],
};

const OLDEST_POSTGRES = 130_000;

/**
 * Checks that the database is one that the plugin can work on.
 * @throws Error that lists everything that is missing.
 */
export async function preflight(db: Knex): Promise<void> {
  const [server] = await rowsOf<{ version: number }>(
    db.raw(`SELECT current_setting('server_version_num')::int AS version`),
  );
  if (server === undefined || server.version < OLDEST_POSTGRES) {
    throw new Error(`koa-matrix-admin needs PostgreSQL 13 or later, this is ${server?.version ?? 'unknown'}`);
  }
  const present = await rowsOf<{ name: string }>(
    db.raw(
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND table_name = ANY(?)`,
      [Object.keys(REQUIRED_COLUMNS)],
    ),
  );
  const names = new Set(present.map(({ name }) => name));
  const missing = Object.entries(REQUIRED_COLUMNS)
    .flatMap(([table, columns]) => columns.map((column) => `${table}.${column}`))
    .filter((name) => !names.has(name));
  if (missing.length > 0) {
    throw new Error(
      `koa-matrix-admin works on Dendrite's PostgreSQL schema, and this database lacks: ${missing.join(', ')}. ` +
        `Create the homeserver's tables before start().`,
    );
  }
}
