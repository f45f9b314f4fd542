import type { Knex } from 'knex';
import type { RoomId, ServerName, UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { RoomKeys } from '../room-tables.ts';
import type { Write } from '../write-together.ts';

/**
 * How long the plugin keeps a `Departure`. A client that is offline for longer does not learn that the room was purged, and
 * goes on showing the room.
 */
const KEPT = `interval '30 days'`;

/**
 * Stores a departure for each local user of a room that is about to be purged. All these departures get the same new id of
 * Dendrite's `/sync` stream as their `position`. Users who have left the room, or whose invite has ended, are included, because
 * the purge also deletes these events, which some of their clients may not have received yet. For such a user, `left_position`
 * is the stream id of the leave or of the end of the invite.
 * @returns the users of the stored departures
 */
export async function insertDepartures(
  transaction: Knex.Transaction,
  { roomId, roomNid }: RoomKeys,
  serverNames: readonly ServerName[],
): Promise<UserId[]> {
  const rows = await rowsOf<{ user_id: UserId }>(
    transaction.raw(
      `WITH ended AS (
         SELECT user_id, max(position) AS position FROM (
           SELECT user_id, stream_pos AS position FROM public.syncapi_memberships
             WHERE room_id = :roomId AND membership IN ('leave', 'ban')
           UNION ALL SELECT target_user_id, id FROM public.syncapi_invite_events WHERE room_id = :roomId AND deleted) AS ends
         GROUP BY user_id),
       members AS (
         SELECT k.event_state_key AS user_id, m.membership_nid = 1 AS has_left FROM public.roomserver_membership m
         JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
         WHERE m.room_nid = :roomNid),
       place AS MATERIALIZED (SELECT nextval('public.syncapi_stream_id') AS position)
       INSERT INTO matrix_admin.departures (user_id, room_id, position, left_position)
       SELECT user_id, :roomId, place.position, CASE WHEN coalesce(has_left, true) THEN ended.position END
       FROM members FULL JOIN ended USING (user_id) CROSS JOIN place
       WHERE substr(user_id, strpos(user_id, ':') + 1) = ANY(:serverNames)
       RETURNING user_id`,
      { roomId, roomNid, serverNames: [...serverNames] },
    ),
  );
  return rows.map(({ user_id }) => user_id);
}

/**
 * The record that a room was purged while a user was in the room, or after the user had left the room, when some clients of the
 * user may not have known this yet.
 */
export interface Departure {
  readonly roomId: RoomId;
  /** The id of the departure in Dendrite's `/sync` stream. */
  readonly position: number;
  /** When the room was purged, in ms since the epoch. */
  readonly departedTs: number;
}

/**
 * SQL condition on a departure `d`: the departure is less than 30 days old, the room's current state has no `m.room.member`
 * event of the user, and the homeserver has no pending invite of the user to the room.
 */
const IS_STILL_GONE = `d.departed_at > clock_timestamp() - ${KEPT}
  AND NOT EXISTS (SELECT FROM public.syncapi_current_room_state s
    WHERE s.room_id = d.room_id AND s.type = 'm.room.member' AND s.state_key = d.user_id)
  AND NOT EXISTS (SELECT FROM public.syncapi_invite_events i
    WHERE i.room_id = d.room_id AND i.target_user_id = d.user_id AND NOT i.deleted)`;

/**
 * Lists the departures of a user up to the stream position `upTo` that a client does not know yet. The client has received
 * everything up to the stream position `after`. If the user had left a room before the purge, and the client has already
 * received the leave, the list leaves out the departure. If a room was purged several times, the list has only the last
 * departure. The list leaves out departures that do not meet the condition `IS_STILL_GONE`.
 */
export async function listDepartures(
  db: Db,
  userId: UserId,
  { after, upTo }: { readonly after: number; readonly upTo: number },
): Promise<Departure[]> {
  const rows = await rowsOf<{ room_id: RoomId; position: string; departed_ts: number }>(
    db.raw(
      `SELECT DISTINCT ON (room_id) room_id, position, floor(extract(epoch FROM departed_at) * 1000)::float8 AS departed_ts
       FROM matrix_admin.departures d
       WHERE user_id = :userId AND position > :after AND position <= :upTo
         AND (left_position IS NULL OR left_position > :after) AND ${IS_STILL_GONE}
       ORDER BY room_id, position DESC`,
      { userId, after, upTo },
    ),
  );
  return rows.map((row) => ({ roomId: row.room_id, position: Number(row.position), departedTs: row.departed_ts }));
}

/** Tells whether a departure of a user from a room is stored that meets the condition `IS_STILL_GONE`. */
export async function hasDeparted(db: Db, userId: UserId, roomId: RoomId): Promise<boolean> {
  const [row] = await rowsOf<{ departed: boolean }>(
    db.raw(
      `SELECT EXISTS (SELECT FROM matrix_admin.departures d WHERE user_id = ? AND room_id = ? AND ${IS_STILL_GONE}) AS departed`,
      [userId, roomId],
    ),
  );
  return row?.departed ?? false;
}

/** Returns the statements that delete the departures of users who come back to a room. */
export function deleteDepartures(roomId: RoomId, userIds: readonly string[]): Write[] {
  if (userIds.length === 0) return [];
  return [
    {
      sql: 'DELETE FROM matrix_admin.departures WHERE user_id = ANY(?::text[]) AND room_id = ?',
      bindings: [[...userIds], roomId],
    },
  ];
}

/** Deletes departures that are at least 30 days old. */
export async function removeOldDepartures(db: Db): Promise<void> {
  await db.raw(`DELETE FROM matrix_admin.departures WHERE departed_at <= clock_timestamp() - ${KEPT}`);
}
