import type { UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { readableJson } from '../readable-json.ts';

/**
 * SQL for the member events that a user has sent since a given time. The time of an event is its `origin_server_ts`. The SQL
 * leaves out events with a time that is not an integer of 1 to 18 digits, because other servers may send such events.
 */
const SENT = `WITH sent AS MATERIALIZED (
    SELECT room_id, CAST(${readableJson('headered_event_json')} AS json) AS event
    FROM public.syncapi_output_room_events WHERE type = 'm.room.member' AND sender = :userId
  ), since AS (
    SELECT room_id, event ->> 'state_key' AS state_key, event #>> '{content,membership}' AS membership
    FROM sent WHERE CASE WHEN event ->> 'origin_server_ts' ~ '^[0-9]{1,18}$'
      THEN CAST(event ->> 'origin_server_ts' AS bigint) >= :since END
  )`;

/**
 * Counts the invites that a user has sent since the time `since`, in ms since the epoch. Invites whose events a purge has
 * deleted do not count.
 */
export async function readSentInviteCount(db: Db, userId: UserId, since: number): Promise<number> {
  return count(db, `${SENT} SELECT count(*)::int AS total FROM since WHERE membership = 'invite'`, userId, since);
}

/**
 * Counts the rooms that a user has joined since the time `since`, in ms since the epoch. Rooms that the user has left again
 * count too. Rooms in which the user only changed the display name or avatar also count, because that sends a join event too.
 * Events that a purge has deleted do not count.
 */
export async function readJoinedRoomCount(db: Db, userId: UserId, since: number): Promise<number> {
  const joined = `membership = 'join' AND state_key = :userId`;
  return count(db, `${SENT} SELECT count(DISTINCT room_id)::int AS total FROM since WHERE ${joined}`, userId, since);
}

async function count(db: Db, sql: string, userId: UserId, since: number): Promise<number> {
  const [row] = await rowsOf<{ total: number }>(db.raw(sql, { userId, since }));
  return row?.total ?? 0;
}
