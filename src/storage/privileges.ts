import { OWN_SCHEMA } from '../migrations/migrations.ts';
import type { Db } from './database.ts';
import { rowsOf } from './database.ts';

export type Privilege = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/**
 * The privileges that the plugin needs on each table of Dendrite's schema. Tests run the plugin under a database role that has
 * only these privileges.
 */
export const HOST_PRIVILEGES: Readonly<Record<string, readonly Privilege[]>> = {
  federationsender_assumed_offline: ['SELECT', 'DELETE'],
  federationsender_blacklist: ['SELECT', 'DELETE'],
  federationsender_inbound_peeks: ['SELECT', 'DELETE'],
  federationsender_joined_hosts: ['SELECT', 'INSERT', 'DELETE'],
  federationsender_outbound_peeks: ['SELECT', 'DELETE'],
  federationsender_queue_edus: ['SELECT', 'INSERT', 'DELETE'],
  federationsender_queue_json: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  federationsender_queue_pdus: ['SELECT', 'INSERT', 'DELETE'],
  keyserver_cross_signing_keys: ['SELECT', 'INSERT', 'DELETE'],
  keyserver_cross_signing_sigs: ['SELECT', 'INSERT', 'DELETE'],
  keyserver_device_keys: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  keyserver_fallback_keys: ['SELECT', 'DELETE'],
  keyserver_key_changes: ['SELECT', 'INSERT', 'UPDATE'],
  keyserver_one_time_keys: ['SELECT', 'DELETE'],
  keyserver_stale_device_lists: ['SELECT', 'INSERT', 'UPDATE'],
  mediaapi_media_repository: ['SELECT', 'UPDATE', 'DELETE'],
  mediaapi_thumbnail: ['SELECT', 'UPDATE', 'DELETE'],
  roomserver_event_json: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  roomserver_event_state_keys: ['SELECT', 'INSERT'],
  roomserver_event_types: ['SELECT', 'INSERT'],
  roomserver_events: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  roomserver_invites: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  roomserver_membership: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  roomserver_previous_events: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  roomserver_published: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  roomserver_redactions: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  roomserver_reported_events: ['SELECT', 'INSERT', 'DELETE'],
  roomserver_room_aliases: ['SELECT', 'UPDATE', 'DELETE'],
  roomserver_rooms: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  roomserver_state_block: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  roomserver_state_snapshots: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  roomserver_user_room_keys: ['SELECT', 'DELETE'],
  syncapi_account_data_type: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  syncapi_backward_extremities: ['SELECT', 'INSERT', 'DELETE'],
  syncapi_current_room_state: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  syncapi_filter: ['SELECT', 'UPDATE', 'DELETE'],
  syncapi_invite_events: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  syncapi_memberships: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  syncapi_notification_data: ['SELECT', 'UPDATE', 'DELETE'],
  syncapi_output_room_events: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  syncapi_output_room_events_topology: ['SELECT', 'INSERT', 'DELETE'],
  syncapi_peeks: ['SELECT', 'DELETE'],
  syncapi_presence: ['SELECT'],
  syncapi_receipts: ['SELECT', 'DELETE'],
  syncapi_relations: ['SELECT', 'INSERT', 'DELETE'],
  syncapi_send_to_device: ['SELECT', 'UPDATE', 'DELETE'],
  userapi_account_datas: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  userapi_accounts: ['SELECT', 'INSERT', 'UPDATE'],
  userapi_daily_visits: ['SELECT'],
  userapi_devices: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  userapi_key_backup_versions: ['SELECT', 'UPDATE', 'DELETE'],
  userapi_key_backups: ['SELECT', 'DELETE'],
  userapi_login_tokens: ['SELECT', 'DELETE'],
  userapi_notifications: ['SELECT', 'DELETE'],
  userapi_openid_tokens: ['SELECT', 'DELETE'],
  userapi_profiles: ['SELECT', 'INSERT', 'UPDATE'],
  userapi_pushers: ['SELECT', 'DELETE'],
  userapi_registration_tokens: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  userapi_threepids: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
};

/** Sequences of Dendrite's schema from which the plugin takes numbers for the rows that it writes. */
export const HOST_SEQUENCES: readonly string[] = [
  'federationsender_queue_json_json_nid_seq',
  'keyserver_key_changes_seq',
  'roomserver_event_nid_seq',
  'roomserver_event_state_key_nid_seq',
  'roomserver_event_type_nid_seq',
  'roomserver_reported_events_id_seq',
  'roomserver_room_nid_seq',
  'roomserver_state_block_nid_seq',
  'roomserver_state_snapshot_nid_seq',
  'syncapi_relation_id',
  'syncapi_stream_id',
  'userapi_device_session_id_seq',
];

/**
 * Returns SQL statements that give a role the privileges that the plugin needs, and no others. One of the statements creates
 * the plugin's own schema, which the role will own.
 * @param role the name of the role, without quotes
 */
export function grantsFor(role: string): readonly string[] {
  const to = `"${role.replaceAll('"', '""')}"`;
  return [
    `CREATE SCHEMA ${OWN_SCHEMA} AUTHORIZATION ${to}`,
    `GRANT USAGE ON SCHEMA public TO ${to}`,
    ...Object.entries(HOST_PRIVILEGES).map(([table, names]) => `GRANT ${names.join(', ')} ON public.${table} TO ${to}`),
    ...HOST_SEQUENCES.map((sequence) => `GRANT USAGE ON SEQUENCE public.${sequence} TO ${to}`),
  ];
}

/** The parts of the homeserver's database that the plugin uses. */
export interface DatabaseUse {
  /** The schema of the plugin's own tables. */
  readonly schema: string;
  readonly sequences: readonly string[];
  readonly tables: Readonly<Record<string, { readonly privileges: readonly string[] }>>;
}

/**
 * Returns the SQL statements that would give the connection's role what it lacks. For each table or sequence of the homeserver,
 * one statement grants all missing privileges. If the plugin's schema does not exist, and the role may not create it, a
 * statement lets the role create schemas. If it exists, and the role may not create tables in it, a statement makes the role
 * its owner. Leaves out tables and sequences that do not exist.
 */
export async function missingGrants(db: Db, { schema, sequences, tables }: DatabaseUse): Promise<readonly string[]> {
  const wanted = Object.entries(tables).flatMap(([table, { privileges }]) =>
    privileges.map((privilege) => ({ table, privilege })),
  );
  const rows = await rowsOf<{ missing: string }>(
    db.raw(
      `SELECT format('GRANT %s ON public.%I TO %I', string_agg(privilege, ', ' ORDER BY place), relation, current_user) AS missing
       FROM unnest(?::text[], ?::text[]) WITH ORDINALITY AS wanted (relation, privilege, place)
       JOIN pg_class c ON c.relname = relation AND c.relnamespace = 'public'::regnamespace
       WHERE NOT CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, privilege)
                      ELSE has_table_privilege(c.oid, privilege) END
       GROUP BY relation
       UNION ALL
       SELECT CASE WHEN to_regnamespace(?) IS NULL
                   THEN format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user)
                   ELSE format('ALTER SCHEMA %I OWNER TO %I', ?::text, current_user) END
       WHERE NOT CASE WHEN to_regnamespace(?) IS NULL
                      THEN has_database_privilege(current_database(), 'CREATE')
                      ELSE has_schema_privilege(to_regnamespace(?)::oid, 'CREATE') END
       ORDER BY missing`,
      [
        [...wanted.map(({ table }) => table), ...sequences],
        [...wanted.map(({ privilege }) => privilege), ...sequences.map(() => 'USAGE')],
        schema,
        schema,
        schema,
        schema,
      ],
    ),
  );
  return rows.map(({ missing }) => missing);
}
