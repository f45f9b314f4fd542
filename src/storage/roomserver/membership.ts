import type { Knex } from 'knex';
import type { EventId, RoomId, UserId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';
import type { Write } from '../write-together.ts';

/** Dendrite's numbers for memberships. A NID is the number that Dendrite gives a membership, an event, a room or a user id. */
export const MEMBERSHIP_NID = { leave: 1, ban: 1, invite: 2, join: 3, knock: 4 } as const;
export type Membership = keyof typeof MEMBERSHIP_NID;

export function isMembership(value: unknown): value is Membership {
  return typeof value === 'string' && Object.hasOwn(MEMBERSHIP_NID, value);
}

/** A new membership of the user with the NID `targetNid`, and the sender and the NID of the member event that causes it. */
export interface MembershipChange {
  readonly targetNid: number;
  readonly senderNid: number;
  readonly membership: Membership;
  readonly eventNid: number;
  /** Whether the user has the homeserver's main server name. */
  readonly targetLocal: boolean;
}

/**
 * Returns the statement that stores memberships, at most one for each user, and marks the room as not forgotten by these users.
 * As in Dendrite, `target_local` of existing rows does not change.
 */
export function upsertMemberships(roomNid: number, changes: readonly MembershipChange[]): Write[] {
  if (changes.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.roomserver_membership (room_nid, target_nid, sender_nid, membership_nid, event_nid, target_local)
     SELECT ?, * FROM unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::boolean[])
     ON CONFLICT (room_nid, target_nid) DO UPDATE SET sender_nid = excluded.sender_nid,
       membership_nid = excluded.membership_nid, event_nid = excluded.event_nid, forgotten = false`,
      bindings: [
        roomNid,
        changes.map(({ targetNid }) => targetNid),
        changes.map(({ senderNid }) => senderNid),
        changes.map(({ membership }) => MEMBERSHIP_NID[membership]),
        changes.map(({ eventNid }) => eventNid),
        changes.map(({ targetLocal }) => targetLocal),
      ],
    },
  ];
}

export interface NewInvite {
  readonly eventId: EventId;
  readonly targetNid: number;
  readonly senderNid: number;
  readonly json: string;
  /** Whether the invite has already been answered or withdrawn. */
  readonly retired: boolean;
}

export function insertInvites(roomNid: number, invites: readonly NewInvite[]): Write[] {
  if (invites.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.roomserver_invites (room_nid, invite_event_id, target_nid, sender_nid, invite_event_json,
       retired)
     SELECT ?, * FROM unnest(?::text[], ?::bigint[], ?::bigint[], ?::text[], ?::boolean[]) ON CONFLICT DO NOTHING`,
      bindings: [
        roomNid,
        invites.map(({ eventId }) => eventId),
        invites.map(({ targetNid }) => targetNid),
        invites.map(({ senderNid }) => senderNid),
        invites.map(({ json }) => json),
        invites.map(({ retired }) => retired),
      ],
    },
  ];
}

/** Returns the statement that retires the pending invites of users: they count as answered or withdrawn. */
export function retireInvites(roomNid: number, targetNids: readonly number[]): Write[] {
  if (targetNids.length === 0) return [];
  return [
    {
      sql: `UPDATE public.roomserver_invites SET retired = true
     WHERE room_nid = ? AND target_nid = ANY(?::bigint[]) AND NOT retired`,
      bindings: [roomNid, [...targetNids]],
    },
  ];
}

/** A user with a membership in a room, and the member event that gave the user this membership. */
export interface Member {
  readonly userId: UserId;
  readonly eventNid: number;
  readonly event: EventJson;
}

export interface MemberFilter {
  readonly memberships: readonly Membership[];
  /** Only users whose server name is one of these. */
  readonly serverNames: readonly string[];
  /** Ids of users to leave out. */
  readonly except: readonly string[];
  readonly limit: number;
}

const IS_OF_SERVER = `substr(k.event_state_key, strpos(k.event_state_key, ':') + 1)`;

/**
 * Lists users of a room who pass the filter, in ascending order of the NIDs of their member events. Leaves out users whose
 * member event is not stored.
 */
export async function listMembers(
  db: Db,
  roomNid: number,
  { memberships, serverNames, except, limit }: MemberFilter,
): Promise<Member[]> {
  const rows = await rowsOf<{ user_id: UserId; event_nid: string; event_json: string }>(
    db.raw(
      `SELECT u.user_id, u.event_nid, j.event_json
       FROM (SELECT k.event_state_key AS user_id, m.event_nid
             FROM public.roomserver_membership m
             JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
             WHERE m.room_nid = ? AND m.event_nid <> 0 AND m.membership_nid = ANY(?) AND ${IS_OF_SERVER} = ANY(?)
               AND k.event_state_key <> ALL(?)
             ORDER BY m.event_nid LIMIT ?) AS u
       JOIN public.roomserver_event_json j ON j.event_nid = u.event_nid
       ORDER BY u.event_nid`,
      [roomNid, memberships.map((membership) => MEMBERSHIP_NID[membership]), [...serverNames], [...except], limit],
    ),
  );
  return rows.map((row) => ({
    userId: row.user_id,
    eventNid: Number(row.event_nid),
    event: JSON.parse(row.event_json) as EventJson,
  }));
}

/** Counts the users of the given servers who have one of the given memberships in a room. */
export async function countMembers(
  db: Db,
  roomNid: number,
  { memberships, serverNames }: Pick<MemberFilter, 'memberships' | 'serverNames'>,
): Promise<number> {
  const [row] = await rowsOf<{ members: number }>(
    db.raw(
      `SELECT count(*)::int AS members FROM public.roomserver_membership m
       JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
       WHERE m.room_nid = ? AND m.membership_nid = ANY(?) AND ${IS_OF_SERVER} = ANY(?)`,
      [roomNid, memberships.map((membership) => MEMBERSHIP_NID[membership]), [...serverNames]],
    ),
  );
  return row?.members ?? 0;
}

/** A room that a user has joined, is invited to or is knocking at. */
export interface RoomOfUser {
  readonly roomId: RoomId;
  readonly membership: 'join' | 'invite' | 'knock';
  /**
   * Whether the homeserver has the member event as an event of the room. If not, the homeserver can end the membership only
   * with the help of another server.
   */
  readonly isInState: boolean;
  /** The sender of the pending invite. `undefined` if there is no pending invite. */
  readonly inviter: UserId | undefined;
}

const ROOMS_OF_USER = `
  SELECT r.room_id, m.membership_nid::int AS membership_nid, m.event_nid <> 0 AND r.latest_event_nids <> '{}' AS is_in_state,
    (SELECT s.event_state_key FROM public.roomserver_invites i
     JOIN public.roomserver_event_state_keys s ON s.event_state_key_nid = i.sender_nid
     WHERE i.room_nid = m.room_nid AND i.target_nid = m.target_nid AND NOT i.retired LIMIT 1) AS inviter
  FROM public.roomserver_event_state_keys k
  JOIN public.roomserver_membership m ON m.target_nid = k.event_state_key_nid
  JOIN public.roomserver_rooms r ON r.room_nid = m.room_nid
  WHERE k.event_state_key = ? AND m.membership_nid IN (2, 3, 4)`;

const roomOfUser = (row: RoomOfUserRow): RoomOfUser => ({
  roomId: row.room_id,
  membership: row.membership_nid === 3 ? 'join' : row.membership_nid === 2 ? 'invite' : 'knock',
  isInState: row.is_in_state,
  inviter: row.inviter ?? undefined,
});

interface RoomOfUserRow {
  room_id: RoomId;
  membership_nid: number;
  is_in_state: boolean;
  inviter: UserId | null;
}

/** Lists the rooms that a user has joined, is invited to or is knocking at: joined rooms first, then invites, then knocks. */
export async function listRoomsOfUser(db: Db, userId: UserId): Promise<RoomOfUser[]> {
  const rows = await rowsOf<RoomOfUserRow>(
    db.raw(`${ROOMS_OF_USER} ORDER BY array_position('{3,2,4}', m.membership_nid::int), m.room_nid`, [userId]),
  );
  return rows.map(roomOfUser);
}

/** Finds a user's membership in one room. Returns `undefined` if the user is not joined, invited or knocking. */
export async function findRoomOfUser(db: Db, userId: UserId, roomId: RoomId): Promise<RoomOfUser | undefined> {
  const [row] = await rowsOf<RoomOfUserRow>(db.raw(`${ROOMS_OF_USER} AND r.room_id = ?`, [userId, roomId]));
  return row && roomOfUser(row);
}

/**
 * Lists a user's memberships in all rooms that the homeserver knows, in the order of the rooms' NIDs. Leaves out rooms that the
 * user has forgotten.
 */
export async function listMembershipsOfUser(
  db: Db,
  userId: UserId,
): Promise<{ readonly roomId: RoomId; readonly membership: Membership }[]> {
  const rows = await rowsOf<{ room_id: RoomId; membership: Membership }>(
    db.raw(
      `SELECT r.room_id, CASE m.membership_nid WHEN 2 THEN 'invite' WHEN 3 THEN 'join' WHEN 4 THEN 'knock'
         ELSE coalesce((SELECT s.membership FROM public.syncapi_current_room_state s WHERE s.room_id = r.room_id
                        AND s.type = 'm.room.member' AND s.state_key = k.event_state_key AND s.membership = 'ban'),
                       'leave') END AS membership
       FROM public.roomserver_event_state_keys k
       JOIN public.roomserver_membership m ON m.target_nid = k.event_state_key_nid AND NOT m.forgotten
       JOIN public.roomserver_rooms r ON r.room_nid = m.room_nid
       WHERE k.event_state_key = ? ORDER BY m.room_nid`,
      [userId],
    ),
  );
  return rows.map((row) => ({ roomId: row.room_id, membership: row.membership }));
}

/** Lists all joined users of a room, local and remote, in ascending order of the NIDs of their member events. */
export async function listJoinedUsers(db: Db, roomId: RoomId): Promise<UserId[]> {
  const rows = await rowsOf<{ user_id: UserId }>(
    db.raw(
      `SELECT k.event_state_key AS user_id FROM public.roomserver_rooms r
       JOIN public.roomserver_membership m ON m.room_nid = r.room_nid AND m.membership_nid = ?
       JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
       WHERE r.room_id = ? ORDER BY m.event_nid`,
      [MEMBERSHIP_NID.join, roomId],
    ),
  );
  return rows.map((row) => row.user_id);
}

/** Returns which of the given users have joined the room. */
export async function listJoinedAmong(db: Db, roomNid: number, userIds: readonly UserId[]): Promise<UserId[]> {
  const rows = await rowsOf<{ user_id: UserId }>(
    db.raw(
      `SELECT k.event_state_key AS user_id FROM public.roomserver_event_state_keys k
       JOIN public.roomserver_membership m ON m.target_nid = k.event_state_key_nid AND m.room_nid = ?
       WHERE k.event_state_key = ANY(?) AND m.membership_nid = ?`,
      [roomNid, [...userIds], MEMBERSHIP_NID.join],
    ),
  );
  return rows.map((row) => row.user_id);
}

/** Marks a room as forgotten for those users of the given servers who have left it or are banned from it. */
export async function forgetLeftRoom(
  transaction: Knex.Transaction,
  roomNid: number,
  serverNames: readonly string[],
): Promise<void> {
  await transaction.raw(
    `UPDATE public.roomserver_membership m SET forgotten = true FROM public.roomserver_event_state_keys k
     WHERE m.room_nid = ? AND m.membership_nid = ? AND k.event_state_key_nid = m.target_nid AND ${IS_OF_SERVER} = ANY(?)`,
    [roomNid, MEMBERSHIP_NID.leave, [...serverNames]],
  );
}

/**
 * Returns the statement that deletes a user's membership in a room, as Dendrite does when an invite ends and the homeserver has
 * no events of the room.
 */
export function deleteMembership(roomNid: number, targetNid: number): Write[] {
  const sql = 'DELETE FROM public.roomserver_membership WHERE room_nid = ? AND target_nid = ?';
  return [{ sql, bindings: [roomNid, targetNid] }];
}

/** Lists the NIDs of users with any membership in the room: at most `limit` NIDs above `after`, in ascending order. */
export async function listMemberNids(db: Db, roomNid: number, after: number, limit: number): Promise<number[]> {
  const rows = await rowsOf<{ target_nid: string }>(
    db.raw(
      `SELECT target_nid FROM public.roomserver_membership WHERE room_nid = ? AND target_nid > ?
       ORDER BY target_nid LIMIT ?`,
      [roomNid, after, limit],
    ),
  );
  return rows.map((row) => Number(row.target_nid));
}

/** Deletes the memberships of users in a room. */
export async function deleteMemberships(
  transaction: Knex.Transaction,
  roomNid: number,
  targetNids: readonly number[],
): Promise<void> {
  await transaction.raw(
    'DELETE FROM public.roomserver_membership WHERE room_nid = ? AND target_nid = ANY(?::bigint[])',
    [roomNid, [...targetNids]],
  );
}
