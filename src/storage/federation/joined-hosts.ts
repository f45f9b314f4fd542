import type { Knex } from 'knex';
import type { EventId, RoomId, ServerName, UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { Write } from '../write-together.ts';

/** A server that is told of a room's events. */
export interface RoomHost {
  readonly serverName: ServerName;
  /** How many of its users are joined. */
  readonly users: number;
  readonly isPeeking: boolean;
  /** Nothing is sent to it any more. */
  readonly isBlacklisted: boolean;
}

/** The servers that are joined to a room or peek into it. */
export async function listRoomHosts(db: Db, roomId: RoomId): Promise<RoomHost[]> {
  const rows = await rowsOf<{ server_name: ServerName; users: number; peeking: boolean; blacklisted: boolean }>(
    db.raw(
      `SELECT server_name, count(joined)::int AS users, bool_or(joined IS NULL) AS peeking,
         EXISTS (SELECT FROM public.federationsender_blacklist b WHERE b.server_name = hosts.server_name) AS blacklisted
       FROM (SELECT server_name, true AS joined FROM public.federationsender_joined_hosts WHERE room_id = ?
             UNION ALL SELECT server_name, NULL FROM public.federationsender_inbound_peeks WHERE room_id = ?) AS hosts
       GROUP BY server_name`,
      [roomId, roomId],
    ),
  );
  return rows.map(({ server_name, users, peeking, blacklisted }) => ({
    serverName: server_name,
    users,
    isPeeking: peeking,
    isBlacklisted: blacklisted,
  }));
}

/** Replaces join events that are no longer current by those that are. */
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

/** Forgets who was in a room. */
export async function deleteJoinedHosts(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  await transaction.raw('DELETE FROM public.federationsender_joined_hosts WHERE room_id = ?', [roomId]);
}

/** Notes who is in a room. */
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

/** Servers that share a room with a user who is joined to it. */
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
