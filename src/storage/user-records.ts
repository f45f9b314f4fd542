import { splitUserId, type UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import { type Db, rowsOf } from './database.ts';
import { IS_OWN_DEVICE } from './plugin/admin-logins.ts';
import { readableJson } from './readable-json.ts';

/** Something that is stored about a user. `type` says what it is. */
export interface UserRecord {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The parts of the query that reads a user's records of one type. */
interface RecordQuery {
  /** The `SELECT` list. The record has a field for each column that is not `NULL`. */
  readonly columns: string;
  /** The tables, and the `WHERE` condition for the rows of the user. */
  readonly from: string;
  /** SQL expression by which the rows are sorted. Each row has a different value. */
  readonly key: string;
  /** Whether the key is a number. @defaultValue the key is a text */
  readonly isNumber?: true;
  readonly groupBy?: string;
  /** Columns that contain JSON texts. The record contains the parsed JSON, but of an event only the fields of `partsOf()`. */
  readonly json?: readonly string[];
}

const OF_ACCOUNT = 'localpart = :localpart AND server_name = :serverName';
const NID = '(SELECT event_state_key_nid FROM public.roomserver_event_state_keys WHERE event_state_key = :userId)';
const MS = (column: string): string => `floor(extract(epoch FROM ${column}) * 1000)::float8`;
const EVENT_REPORTS = `public.roomserver_reported_events x JOIN public.roomserver_rooms r USING (room_nid)
  JOIN public.roomserver_events e USING (event_nid)`;
/**
 * SQL condition: the type of account data is not secret. In account data of the secret types, which the pattern matches,
 * clients keep for example the private keys of cross-signing and of key backups. A client encrypts these keys with another key,
 * which may be derived from a passphrase.
 */
const IS_OPEN = `type !~ '^m\\.(cross_signing|secret_storage|megolm_backup)|dehydrated_device'`;

/**
 * The queries of the types of records, in the order of an export. No record contains a password hash, a token, a push key or an
 * encryption key. Records of reports about the user contain neither the reporter nor the reporter's text.
 */
const QUERIES: Readonly<Record<string, RecordQuery>> = {
  account: {
    columns: `:userId AS user_id, created_ts::float8, account_type, is_deactivated, appservice_id, user_type,
      ${MS('erased_at')} AS erased_ts`,
    from: `public.userapi_accounts LEFT JOIN matrix_admin.account_attributes ON user_id = :userId WHERE ${OF_ACCOUNT}`,
    key: 'localpart',
  },
  restriction: {
    columns: `restriction, ${MS('set_at')} AS set_ts`,
    from: 'matrix_admin.account_restrictions WHERE user_id = :userId',
    key: 'restriction',
  },
  profile: {
    columns: 'display_name, avatar_url',
    from: `public.userapi_profiles WHERE ${OF_ACCOUNT}`,
    key: 'localpart',
  },
  threepid: {
    columns: 'medium, threepid AS address',
    from: `public.userapi_threepids WHERE ${OF_ACCOUNT}`,
    key: `medium || ' ' || threepid`,
  },
  device: {
    columns: 'device_id, display_name, created_ts::float8, last_seen_ts::float8, ip, user_agent',
    from: `public.userapi_devices d WHERE ${OF_ACCOUNT} AND ${IS_OWN_DEVICE}`,
    key: 'device_id',
  },
  visit: {
    columns: 'device_id, "timestamp"::float8 AS day_ts, user_agent',
    // The table has no server names. If an account with the same localpart exists on another server name of this homeserver, a
    // row may belong to either user, so the query returns nothing.
    from: `public.userapi_daily_visits WHERE localpart = :localpart AND NOT EXISTS (
      SELECT FROM public.userapi_accounts a WHERE a.localpart = :localpart AND a.server_name <> :serverName)`,
    key: `"timestamp" || ' ' || device_id`,
  },
  presence: {
    columns: 'presence, status_msg, last_active_ts::float8',
    from: 'public.syncapi_presence WHERE user_id = :userId',
    key: 'user_id',
  },
  pusher: {
    columns: 'kind, app_id, app_display_name, device_display_name, lang, profile_tag',
    from: `public.userapi_pushers WHERE ${OF_ACCOUNT}`,
    key: 'id',
    isNumber: true,
  },
  account_data: {
    columns: `type AS data_type, nullif(room_id, '') AS room_id, CASE WHEN ${IS_OPEN} THEN content END AS content,
      CASE WHEN ${IS_OPEN} THEN NULL ELSE true END AS is_secret`,
    from: `public.userapi_account_datas WHERE ${OF_ACCOUNT}`,
    key: `coalesce(room_id, '') || ' ' || type`,
    json: ['content'],
  },
  key_backup: {
    columns: 'version, count(*)::int AS keys',
    from: 'public.userapi_key_backups WHERE user_id = :userId',
    key: 'version',
    groupBy: 'version',
  },
  membership: {
    columns: `room_id, CASE membership_nid WHEN 1 THEN 'leave' WHEN 2 THEN 'invite' WHEN 3 THEN 'join' WHEN 4 THEN 'knock' END
      AS membership, forgotten`,
    from: `public.roomserver_membership m JOIN public.roomserver_rooms USING (room_nid) WHERE m.target_nid = ${NID}`,
    key: 'room_id',
  },
  departed_room: {
    columns: `room_id, ${MS('departed_at')} AS departed_ts`,
    from: 'matrix_admin.departures WHERE user_id = :userId',
    key: `room_id || ' ' || position`,
  },
  room_alias: {
    columns: 'alias, room_id',
    from: 'public.roomserver_room_aliases WHERE creator_id = :userId',
    key: 'alias',
  },
  receipt: {
    columns: 'room_id, receipt_type, event_id, receipt_ts::float8',
    from: 'public.syncapi_receipts WHERE user_id = :userId',
    key: `room_id || ' ' || receipt_type`,
  },
  notification: {
    columns: 'room_id, event_id, highlight, read',
    from: `public.userapi_notifications WHERE ${OF_ACCOUNT}`,
    key: 'id',
    isNumber: true,
  },
  media: {
    columns: `media_origin AS origin, media_id, content_type, file_size_bytes::float8 AS size, upload_name,
      creation_ts::float8 AS created_ts`,
    from: 'public.mediaapi_media_repository WHERE user_id = :userId',
    key: `media_id || ' ' || media_origin`,
  },
  event_report: {
    columns: 'r.room_id, e.event_id, x.reason, x.score, x.received_ts::float8',
    from: `${EVENT_REPORTS} WHERE x.reporting_user_nid = ${NID}`,
    key: 'x.id',
    isNumber: true,
  },
  report: {
    columns: `user_id, room_id, reason, ${MS('received_at')} AS received_ts`,
    from: 'matrix_admin.reports WHERE reporter = :userId',
    key: 'id',
    isNumber: true,
  },
  reported_event: {
    columns: 'r.room_id, e.event_id, x.received_ts::float8',
    from: `${EVENT_REPORTS} WHERE x.event_sender_nid = ${NID}`,
    key: 'x.id',
    isNumber: true,
  },
  reported: {
    columns: `${MS('received_at')} AS received_ts`,
    from: 'matrix_admin.reports WHERE user_id = :userId',
    key: 'id',
    isNumber: true,
  },
  event: {
    columns: 'room_id, event_id, headered_event_json AS event',
    from: 'public.syncapi_output_room_events WHERE sender = :userId',
    key: 'id',
    isNumber: true,
    json: ['event'],
  },
  event_outside_timeline: {
    columns: 'room_id, event_id, event_json AS event',
    from: `matrix_admin.history_leftovers l JOIN public.roomserver_rooms USING (room_nid)
      JOIN public.roomserver_events e ON e.event_nid = l.nid JOIN public.roomserver_event_json j ON j.event_nid = l.nid
      WHERE l.kind = 'event' AND l.is_local AND CAST(${readableJson('j.event_json')} AS json) ->> 'sender' = :userId`,
    key: 'l.nid',
    isNumber: true,
    json: ['event'],
  },
};

/** Name of the result column with the value of `RecordQuery.key`. The column is not part of the record. */
const KEY = 'key_of_row';

/** The types of records, in the order of an export. */
export const RECORD_TYPES: readonly string[] = Object.keys(QUERIES);

/**
 * A page of records. `next` is the value of `after` for the next page, and `undefined` if the page is not full. After a full
 * page, the next page may be empty.
 */
export interface UserRecordPage {
  readonly records: readonly UserRecord[];
  readonly next: string | undefined;
}

/**
 * Reads a page of a user's records of one type.
 * @param type one of `RECORD_TYPES`
 * @param after `next` of the previous page; `undefined` for the first page
 */
export async function readUserRecords(
  db: Db,
  userId: UserId,
  type: string,
  after: string | undefined,
  limit: number,
): Promise<UserRecordPage> {
  const query = QUERIES[type];
  if (query === undefined) throw new Error(`no records of the type ${type}`);
  const { columns, from, key, isNumber, groupBy, json = [] } = query;
  const sorted = isNumber ? key : `(${key}) COLLATE "C"`;
  const rows = await rowsOf<Record<string, unknown> & { [KEY]: string }>(
    db.raw(
      `SELECT ${columns}, (${key})::text AS ${KEY} FROM ${from}
         AND (CAST(:after AS text) IS NULL OR ${sorted} > CAST(:after AS ${isNumber ? 'bigint' : 'text'}))
       ${groupBy === undefined ? '' : `GROUP BY ${groupBy}`} ORDER BY ${sorted} LIMIT :limit`,
      { userId, ...splitUserId(userId), after: after ?? null, limit },
    ),
  );
  return {
    records: rows.map((row) => recordOf(type, row, json)),
    next: rows.length < limit ? undefined : rows.at(-1)?.[KEY],
  };
}

function recordOf(type: string, row: Readonly<Record<string, unknown>>, json: readonly string[]): UserRecord {
  const record: Record<string, unknown> = { type };
  for (const [name, value] of Object.entries(row)) {
    if (value === null || name === KEY) continue;
    const read = typeof value === 'string' && json.includes(name) ? parsed(value) : value;
    Object.assign(record, name === 'event' && isRecord(read) ? partsOf(read) : { [name]: read });
  }
  return { ...record, type };
}

/** Parses a JSON text. Returns the text itself if it is not valid JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Returns the type, state key, time, content and `redacts` of an event. Leaves out its other fields, for example its
 * signatures, and `unsigned`, which may contain events of other users.
 */
function partsOf(event: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { type, state_key: stateKey, origin_server_ts: sentTs, content, redacts } = event;
  return {
    event_type: type,
    ...(stateKey !== undefined && { state_key: stateKey }),
    origin_server_ts: sentTs,
    content,
    ...(redacts !== undefined && { redacts }),
  };
}
