import type { RoomId, ServerName } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { IS_OWN_DEVICE } from '../plugin/admin-logins.ts';
import { type NamedState, readNamedState, textOf } from '../syncapi/named-state.ts';
import { IS_LOCAL } from './local-members.ts';
import { IS_PUBLIC, IS_SHOWN } from './room-list.ts';

/** A room in the room list of Synapse's admin API. */
export interface RoomSummary {
  readonly roomId: RoomId;
  readonly name: string | null;
  readonly canonicalAlias: string | null;
  readonly joinedMembers: number;
  readonly joinedLocalMembers: number;
  readonly version: string;
  readonly creator: string | null;
  /** The encryption algorithm. `null` if the room is not encrypted. */
  readonly encryption: string | null;
  readonly federatable: boolean;
  /** Whether the room is in the homeserver's room directory. */
  readonly public: boolean;
  readonly joinRules: string | null;
  readonly guestAccess: string | null;
  readonly historyVisibility: string | null;
  /** Number of events in the current state. */
  readonly stateEvents: number;
  readonly roomType: string | null;
}

/** The details of a room in Synapse's admin API. */
export interface RoomDetails extends RoomSummary {
  readonly avatar: string | null;
  readonly topic: string | null;
  /** Number of devices of the joined local users. Devices that administrators created by logging in as a user do not count. */
  readonly joinedLocalDevices: number;
  /**
   * Whether every local user who has a membership in the room has forgotten the room, which a user can only do after leaving
   * it. Also `true` if there are no such users.
   */
  readonly forgotten: boolean;
  readonly tombstoned: boolean;
  readonly replacementRoom: string | null;
}

interface SummaryRow {
  room_id: RoomId;
  version: string;
  joined: number;
  joined_local: number;
  state_events: number;
  public: boolean;
}

const SUMMARY_STATE = [
  'm.room.create',
  'm.room.name',
  'm.room.canonical_alias',
  'm.room.encryption',
  'm.room.join_rules',
  'm.room.guest_access',
  'm.room.history_visibility',
];
const DETAIL_STATE = [...SUMMARY_STATE, 'm.room.avatar', 'm.room.topic', 'm.room.tombstone'];

/** Tells whether the homeserver has events of a room and the room is not being purged. Lists of rooms show only such rooms. */
export async function isRoomShown(db: Db, roomId: string): Promise<boolean> {
  const [row] = await rowsOf<{ shown: boolean }>(
    db.raw(`SELECT ${IS_SHOWN} AS shown FROM public.roomserver_rooms r WHERE r.room_id = ?`, [roomId]),
  );
  return row?.shown ?? false;
}

/** Returns those of the given rooms of which the homeserver has events and which are not being purged. */
export async function listShownRooms(db: Db, roomIds: readonly string[]): Promise<RoomId[]> {
  const rows = await rowsOf<{ room_id: RoomId }>(
    db.raw(`SELECT r.room_id FROM public.roomserver_rooms r WHERE r.room_id = ANY(?) AND ${IS_SHOWN}`, [[...roomIds]]),
  );
  return rows.map(({ room_id }) => room_id);
}

/**
 * Reads the given rooms, in the order of `roomIds`. Leaves out rooms of which the homeserver has no events, and rooms that are
 * being purged.
 * @param options if `fromSummaries` is `true`, the function does not count members and state events, but reads their numbers
 * from the plugin's table `room_summaries`, and leaves out rooms without a row in this table
 */
export async function readRoomSummaries(
  db: Db,
  roomIds: readonly RoomId[],
  localServerNames: readonly ServerName[],
  { fromSummaries = false }: { readonly fromSummaries?: boolean } = {},
): Promise<RoomSummary[]> {
  const rows = await readRows(db, roomIds, localServerNames, fromSummaries ? SUMMARISED : COUNTED);
  const states = await readNamedState(db, roomIds, SUMMARY_STATE);
  return rows.map((row) => summaryOf(row, states.get(row.room_id) ?? new Map()));
}

/**
 * Finds the details of a room. Returns `undefined` if the homeserver has no events of the room, or if the room is being purged.
 */
export async function findRoomDetails(
  db: Db,
  roomId: RoomId,
  localServerNames: readonly ServerName[],
): Promise<RoomDetails | undefined> {
  const [row] = await readRows(db, [roomId], localServerNames, COUNTED);
  if (row === undefined) return undefined;
  const state = (await readNamedState(db, [roomId], DETAIL_STATE)).get(roomId) ?? new Map<string, NamedState>();
  const [users] = await rowsOf<{ devices: number; forgotten: boolean }>(
    db.raw(
      `WITH local AS (
         SELECT k.event_state_key AS user_id, m.membership_nid, m.forgotten
         FROM public.roomserver_rooms r
         JOIN public.roomserver_membership m ON m.room_nid = r.room_nid
         JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
         WHERE r.room_id = :roomId AND ${IS_LOCAL})
       SELECT NOT EXISTS (SELECT FROM local WHERE NOT forgotten) AS forgotten,
         (SELECT count(*)::int FROM local JOIN public.userapi_devices d
          ON d.localpart = substr(split_part(user_id, ':', 1), 2) AND d.server_name = substr(user_id, strpos(user_id, ':') + 1)
          WHERE membership_nid = 3 AND ${IS_OWN_DEVICE}) AS devices`,
      { roomId, localServerNames: [...localServerNames] },
    ),
  );
  return {
    ...summaryOf(row, state),
    avatar: textOf(state.get('m.room.avatar'), 'url'),
    topic: textOf(state.get('m.room.topic'), 'topic'),
    joinedLocalDevices: users?.devices ?? 0,
    forgotten: users?.forgotten ?? true,
    tombstoned: state.has('m.room.tombstone'),
    replacementRoom: textOf(state.get('m.room.tombstone'), 'replacement_room'),
  };
}

/** SQL that counts the joined members, the joined local members and the current state events of room `r`. */
const COUNTED = `CROSS JOIN LATERAL (
    SELECT count(*)::int AS joined, (count(*) FILTER (WHERE ${IS_LOCAL}))::int AS joined_local,
      (SELECT count(*)::int FROM public.syncapi_current_room_state s WHERE s.room_id = r.room_id) AS state_events
    FROM public.roomserver_membership m
    JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
    WHERE m.room_nid = r.room_nid AND m.membership_nid = 3) AS counts`;
/**
 * SQL that reads the same three counts from the plugin's table `room_summaries`. The join leaves out rooms without a row there.
 */
const SUMMARISED = `JOIN (
    SELECT room_nid, joined_members AS joined, joined_local_members AS joined_local, state_events
    FROM matrix_admin.room_summaries) AS counts ON counts.room_nid = r.room_nid`;

async function readRows(
  db: Db,
  roomIds: readonly RoomId[],
  localServerNames: readonly ServerName[],
  counts: string,
): Promise<SummaryRow[]> {
  return rowsOf<SummaryRow>(
    db.raw(
      `SELECT r.room_id, r.room_version AS version, counts.joined, counts.joined_local, counts.state_events,
         ${IS_PUBLIC} AS public
       FROM unnest(CAST(:roomIds AS text[])) WITH ORDINALITY AS wanted(room_id, position)
       JOIN public.roomserver_rooms r ON r.room_id = wanted.room_id ${counts}
       WHERE ${IS_SHOWN} ORDER BY wanted.position`,
      { roomIds: [...roomIds], localServerNames: [...localServerNames] },
    ),
  );
}

function summaryOf(row: SummaryRow, state: ReadonlyMap<string, NamedState>): RoomSummary {
  const create = state.get('m.room.create');
  return {
    roomId: row.room_id,
    name: textOf(state.get('m.room.name'), 'name'),
    canonicalAlias: textOf(state.get('m.room.canonical_alias'), 'alias'),
    joinedMembers: row.joined,
    joinedLocalMembers: row.joined_local,
    version: row.version,
    creator: create?.sender ?? null,
    encryption: textOf(state.get('m.room.encryption'), 'algorithm'),
    federatable: create?.content['m.federate'] !== false,
    public: row.public,
    joinRules: textOf(state.get('m.room.join_rules'), 'join_rule'),
    guestAccess: textOf(state.get('m.room.guest_access'), 'guest_access'),
    historyVisibility: textOf(state.get('m.room.history_visibility'), 'history_visibility'),
    stateEvents: row.state_events,
    roomType: textOf(create, 'type'),
  };
}
