import type { Knex } from 'knex';
import type { UserId } from '../../index.ts';
import type { StoredSyncEvent } from './sync-events.ts';

/** Reads the current member event of a user in each room that has such an event. */
export async function readOwnMemberEvents(db: Knex, userId: UserId): Promise<StoredSyncEvent[]> {
  const { rows } = await db.raw<{
    rows: { room_id: string; event_id: string; position: string; headered_event_json: string }[];
  }>(
    `SELECT room_id, event_id, coalesce(added_at, 0) AS position, headered_event_json
     FROM public.syncapi_current_room_state WHERE type = 'm.room.member' AND state_key = ?`,
    [userId],
  );
  return rows.map((row) => ({
    roomId: row.room_id,
    eventId: row.event_id,
    position: Number(row.position),
    event: JSON.parse(row.headered_event_json),
  }));
}

/** Lists the rooms that a user has joined, is invited to, or knocks at. */
export async function listPresentRooms(db: Knex, userId: UserId): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { room_id: string }[] }>(
    `SELECT room_id FROM public.syncapi_current_room_state
       WHERE type = 'm.room.member' AND state_key = :userId AND membership IN ('join', 'invite', 'knock')
     UNION SELECT room_id FROM public.syncapi_invite_events WHERE target_user_id = :userId AND NOT deleted`,
    { userId },
  );
  return rows.map(({ room_id }) => room_id);
}

/** A user's last invite to a room. The invite may already have ended. */
export interface StoredInvite extends StoredSyncEvent {
  /** Whether the invite was answered or withdrawn. */
  readonly isRetired: boolean;
}

/**
 * Reads the invites of a user that have changed after the position `after`, up to the position `upTo`. Returns the last one for
 * each room.
 */
export async function readInvites(
  db: Knex,
  userId: UserId,
  after: number,
  upTo: number,
): Promise<Map<string, StoredInvite>> {
  const { rows } = await db.raw<{
    rows: { room_id: string; event_id: string; id: string; headered_event_json: string; deleted: boolean }[];
  }>(
    `SELECT room_id, event_id, id, headered_event_json, deleted FROM public.syncapi_invite_events
     WHERE target_user_id = ? AND id > ? AND id <= ? ORDER BY id`,
    [userId, after, upTo],
  );
  return new Map(
    rows.map((row) => [
      row.room_id,
      {
        roomId: row.room_id,
        eventId: row.event_id,
        position: Number(row.id),
        event: JSON.parse(row.headered_event_json),
        isRetired: row.deleted,
      },
    ]),
  );
}

/**
 * How many users have joined a room and how many are invited, and the ids of some of them, which the specification calls
 * heroes. Source: Client-Server API, "Syncing", `RoomSummary`.
 */
export interface RoomSummary {
  readonly joined: number;
  readonly invited: number;
  readonly heroes: readonly string[];
}

const HEROES = 5;

/**
 * Reads the summaries of rooms for one user. The heroes are at most `HEROES` other joined or invited users: those with the
 * oldest current member events.
 */
export async function readSummaries(
  db: Knex,
  roomIds: readonly string[],
  userId: UserId,
): Promise<Map<string, RoomSummary>> {
  if (roomIds.length === 0) return new Map();
  const { rows } = await db.raw<{ rows: { room_id: string; joined: number; invited: number; heroes: string[] }[] }>(
    `SELECT r.room_id, c.joined, c.invited, ARRAY(
       SELECT state_key FROM public.syncapi_current_room_state s
       WHERE s.room_id = r.room_id AND type = 'm.room.member' AND membership IN ('join', 'invite')
         AND state_key <> :userId ORDER BY added_at LIMIT ${HEROES}) AS heroes
     FROM unnest(:roomIds::text[]) AS r(room_id)
     CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE membership = 'join')::int AS joined,
         count(*) FILTER (WHERE membership = 'invite')::int AS invited
       FROM public.syncapi_current_room_state s WHERE s.room_id = r.room_id AND type = 'm.room.member') AS c`,
    { roomIds: [...roomIds], userId },
  );
  return new Map(rows.map(({ room_id: roomId, ...summary }) => [roomId, summary]));
}

/** Returns the users in `others` who have joined a room that the given user has also joined. */
export async function listSharing(db: Knex, userId: UserId, others: readonly string[]): Promise<Set<string>> {
  if (others.length === 0) return new Set();
  const { rows } = await db.raw<{ rows: { state_key: string }[] }>(
    `SELECT DISTINCT o.state_key FROM public.syncapi_current_room_state own
     JOIN public.syncapi_current_room_state o ON o.room_id = own.room_id AND o.type = 'm.room.member'
       AND o.state_key = ANY(:others) AND o.membership = 'join'
     WHERE own.type = 'm.room.member' AND own.state_key = :userId AND own.membership = 'join'`,
    { userId, others: [...others] },
  );
  return new Set(rows.map(({ state_key }) => state_key));
}

/** Lists the users who have joined at least one of the rooms. Each user occurs once. */
export async function listMembersOf(db: Knex, roomIds: readonly string[]): Promise<string[]> {
  if (roomIds.length === 0) return [];
  const { rows } = await db.raw<{ rows: { state_key: string }[] }>(
    `SELECT DISTINCT state_key FROM public.syncapi_current_room_state
     WHERE room_id = ANY(?) AND type = 'm.room.member' AND membership = 'join'`,
    [[...roomIds]],
  );
  return rows.map(({ state_key }) => state_key);
}
