import type { Knex } from 'knex';
import type { EventId, RoomId, ServerName, UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** How many users of each server are joined to a room. */
export async function countJoinedHosts(db: Db, roomId: RoomId): Promise<Map<ServerName, number>> {
  const rows = await rowsOf<{ server_name: ServerName; users: number }>(
    db.raw(
      `SELECT server_name, count(*)::int AS users FROM public.federationsender_joined_hosts
       WHERE room_id = ? GROUP BY server_name`,
      [roomId],
    ),
  );
  return new Map(rows.map(({ server_name, users }) => [server_name, users]));
}

/** Servers that peek into a room. */
export async function listPeekingHosts(db: Db, roomId: RoomId): Promise<ServerName[]> {
  const rows = await rowsOf<{ server_name: ServerName }>(
    db.raw('SELECT DISTINCT server_name FROM public.federationsender_inbound_peeks WHERE room_id = ?', [roomId]),
  );
  return rows.map(({ server_name }) => server_name);
}

/** Replaces join events that are no longer current by those that are. */
export async function updateJoinedHosts(
  transaction: Knex.Transaction,
  roomId: RoomId,
  removed: readonly EventId[],
  added: readonly JoinedHost[],
): Promise<void> {
  if (removed.length > 0) {
    await transaction.raw('DELETE FROM public.federationsender_joined_hosts WHERE room_id = ? AND event_id = ANY(?)', [
      roomId,
      [...removed],
    ]);
  }
  await insertJoinedHosts(transaction, roomId, added);
}

interface JoinedHost {
  readonly eventId: EventId;
  readonly serverName: ServerName;
}

/** Forgets who was in a room, and notes who is. */
export async function replaceJoinedHosts(
  transaction: Knex.Transaction,
  roomId: RoomId,
  joined: readonly JoinedHost[],
): Promise<void> {
  await transaction.raw('DELETE FROM public.federationsender_joined_hosts WHERE room_id = ?', [roomId]);
  await insertJoinedHosts(transaction, roomId, joined);
}

async function insertJoinedHosts(
  transaction: Knex.Transaction,
  roomId: RoomId,
  joined: readonly JoinedHost[],
): Promise<void> {
  if (joined.length === 0) return;
  await transaction.raw(
    `INSERT INTO public.federationsender_joined_hosts (room_id, event_id, server_name)
     SELECT ?, * FROM unnest(?::text[], ?::text[]) ON CONFLICT DO NOTHING`,
    [roomId, joined.map(({ eventId }) => eventId), joined.map(({ serverName }) => serverName)],
  );
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
