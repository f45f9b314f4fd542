import type { Knex } from 'knex';
import type { EventId, RoomId, ServerName, UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { Write } from '../write-together.ts';

/** Counts the joined members of a room by their server. */
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

/** What the homeserver must know besides the joined servers to send events of a room. */
export interface RoomHosts {
  /** The servers that peek into the room. */
  readonly peeking: readonly ServerName[];
  /** Those of the joined and peeking servers that are on the blacklist. The homeserver sends nothing to these servers. */
  readonly blacklisted: ReadonlySet<ServerName>;
}

/**
 * Finds the servers that peek into a room. Also finds which of the peeking servers and of the servers in `joined` are on the
 * blacklist.
 */
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
 * Returns the statements that store a change of memberships in `federationsender_joined_hosts`. Each row of this table stands
 * for the join event of one member. The statements delete the rows of the `removed` join events, and insert rows for the
 * `added` ones.
 */
export function updateJoinedHosts(roomId: RoomId, removed: readonly EventId[], added: readonly JoinedHost[]): Write[] {
  const removal = {
    sql: 'DELETE FROM public.federationsender_joined_hosts WHERE room_id = ? AND event_id = ANY(?)',
    bindings: [roomId, [...removed]],
  };
  return [...(removed.length > 0 ? [removal] : []), ...insertJoinedHosts(roomId, added)];
}

/** A join event, and the server of the user who has joined. */
interface JoinedHost {
  readonly eventId: EventId;
  readonly serverName: ServerName;
}

/** Deletes all rows of a room from `federationsender_joined_hosts`. */
export async function deleteJoinedHosts(transaction: Knex.Transaction, roomId: RoomId): Promise<void> {
  await transaction.raw('DELETE FROM public.federationsender_joined_hosts WHERE room_id = ?', [roomId]);
}

/** Returns the statements that insert rows for join events. Returns an empty list if there are no events. */
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

/** Lists the servers that have a joined member in at least one room of which the given user is a joined member. */
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
