import type { Knex } from 'knex';
import type { EventId, RoomId, ServerName, UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { Write } from '../write-together.ts';

/** Counts the joined users of each server in a room. */
export async function countJoinedUsers(db: Db, roomId: RoomId): Promise<Map<ServerName, number>> {
  const rows = await rowsOf<{ server_name: ServerName; users: number }>(
    db.raw(
      `SELECT server_name, count(*)::int AS users FROM public.federationsender_joined_hosts
       WHERE room_id = ? GROUP BY server_name`,
      [roomId],
    ),
  );
  return new Map(rows.map(({ server_name, users }) => [server_name, users]));
}

/** Servers that peek into a room, and servers that receive no events. */
export interface RoomHosts {
  readonly peeking: readonly ServerName[];
  /** The joined and peeking servers that are on the blacklist. The homeserver sends nothing to these servers. */
  readonly blacklisted: ReadonlySet<ServerName>;
}

/** Finds the servers that peek into a room. Also finds which of the peeking and joined servers are on the blacklist. */
export async function findRoomHosts(db: Db, roomId: RoomId, joined: readonly ServerName[]): Promise<RoomHosts> {
  const rows = await rowsOf<{ server_name: ServerName; peeking: boolean }>(
    db.raw(
      `WITH peeking AS (SELECT DISTINCT server_name FROM public.federationsender_inbound_peeks WHERE room_id = ?)
       SELECT server_name, true AS peeking FROM peeking
       UNION ALL SELECT server_name, false FROM public.federationsender_blacklist
         WHERE server_name = ANY(?) OR server_name IN (SELECT server_name FROM peeking)`,
      [roomId, [...joined]],
    ),
  );
  const namesOf = (isPeeking: boolean): ServerName[] =>
    rows.filter(({ peeking }) => peeking === isPeeking).map(({ server_name }) => server_name);
  return { peeking: namesOf(true), blacklisted: new Set(namesOf(false)) };
}

/**
 * Returns the statements that store a change of memberships in the table of joined servers. Each row of this table stands for a
 * join event. The statements delete the rows of `removed` events, and insert rows for `added` events.
 */
export function updateJoinedHosts(roomId: RoomId, removed: readonly EventId[], added: readonly JoinedHost[]): Write[] {
  const removal = {
    sql: 'DELETE FROM public.federationsender_joined_hosts WHERE room_id = ? AND event_id = ANY(?)',
    bindings: [roomId, [...removed]],
  };
  return [...(removed.length > 0 ? [removal] : []), ...insertJoinedHosts(roomId, added)];
}

interface JoinedHost {
  readonly eventId: EventId;
  readonly serverName: ServerName;
}

/** Deletes all rows of a room from the table of joined servers. */
export async function deleteJoinedHosts(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  await transaction.raw('DELETE FROM public.federationsender_joined_hosts WHERE room_id = ?', [roomId]);
}

/** Returns the statements that store join events and their servers. */
export function insertJoinedHosts(roomId: RoomId, joined: readonly JoinedHost[]): Write[] {
  if (joined.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.federationsender_joined_hosts (room_id, event_id, server_name)
            SELECT ?, * FROM unnest(?::text[], ?::text[]) ON CONFLICT DO NOTHING`,
      bindings: [roomId, joined.map(({ eventId }) => eventId), joined.map(({ serverName }) => serverName)],
    },
  ];
}

/** Lists the servers that have users in any room that the given user has joined. */
export async function listHostsSharingRooms(db: Db, userId: UserId): Promise<ServerName[]> {
  const rows = await rowsOf<{ server_name: ServerName }>(
    db.raw(
      `SELECT DISTINCT h.server_name FROM public.syncapi_current_room_state s
       JOIN public.federationsender_joined_hosts h ON h.room_id = s.room_id
       WHERE s.type = 'm.room.member' AND s.state_key = ? AND s.membership = 'join'`,
      [userId],
    ),
  );
  return rows.map(({ server_name }) => server_name);
}
