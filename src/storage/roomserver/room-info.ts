import type { RoomId, ServerName } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { type NamedState, readNamedState, textOf } from '../syncapi/named-state.ts';
import { IS_LOCAL } from './local-members.ts';

/** Number of a room's users by membership. `left` counts users who have left and users who are banned. */
export interface MembershipCounts {
  readonly join: number;
  readonly invite: number;
  readonly knock: number;
  readonly left: number;
}

/** The data that an administrator sees before an operation on a room. */
export interface RoomInfo {
  readonly roomId: RoomId;
  readonly version: string;
  /** Whether the homeserver has no events of the room, but knows it for example from an invite or a knock. */
  readonly stub: boolean;
  readonly name: string | null;
  readonly canonicalAlias: string | null;
  readonly creator: string | null;
  readonly joinRule: string | null;
  readonly encrypted: boolean;
  /** Whether the room is in the homeserver's room directory. */
  readonly published: boolean;
  /** The room's aliases on this homeserver. */
  readonly aliases: readonly string[];
  readonly members: { readonly local: MembershipCounts; readonly remote: MembershipCounts };
  /** Number of other servers that have joined users in the room. */
  readonly remoteServers: number;
  readonly forwardExtremities: number;
  /** Number of events in the current state. */
  readonly stateEvents: number;
  /** Number of events in the room's timeline. */
  readonly events: number;
  /** Number of reports about the room's events and about the room itself. */
  readonly reports: number;
  readonly blocked: boolean;
  /**
   * Whether a purge of the room has begun and has not ended. The purge may be running, or may have stopped so that it must be
   * resumed.
   */
  readonly purging: boolean;
}

interface RoomRow {
  room_nid: string;
  room_version: string;
  extremities: number;
  published: boolean;
  aliases: string[];
  remote_servers: number;
  state_events: number;
  events: number;
  reports: number;
  blocked: boolean;
  purging: boolean;
}

const NAMED_STATE = [
  'm.room.create',
  'm.room.name',
  'm.room.canonical_alias',
  'm.room.join_rules',
  'm.room.encryption',
];

/** Finds the data of a room. Returns `undefined` if the homeserver does not know the room. */
export async function findRoomInfo(
  db: Db,
  roomId: RoomId,
  localServerNames: readonly ServerName[],
): Promise<RoomInfo | undefined> {
  const [room] = await rowsOf<RoomRow>(
    db.raw(
      `SELECT r.room_nid, r.room_version, cardinality(r.latest_event_nids) AS extremities,
         EXISTS (SELECT FROM public.roomserver_published p WHERE p.room_id = r.room_id AND p.published) AS published,
         ARRAY(SELECT alias FROM public.roomserver_room_aliases a WHERE a.room_id = r.room_id ORDER BY alias) AS aliases,
         (SELECT count(DISTINCT h.server_name)::int FROM public.federationsender_joined_hosts h
          WHERE h.room_id = r.room_id AND h.server_name <> ALL(:localServerNames)) AS remote_servers,
         (SELECT count(*)::int FROM public.syncapi_current_room_state s WHERE s.room_id = r.room_id) AS state_events,
         (SELECT count(*)::int FROM public.syncapi_output_room_events e WHERE e.room_id = r.room_id) AS events,
         ((SELECT count(*) FROM public.roomserver_reported_events e WHERE e.room_nid = r.room_nid)
           + (SELECT count(*) FROM matrix_admin.reports p WHERE p.room_id = r.room_id))::int AS reports,
         EXISTS (SELECT FROM matrix_admin.blocked_rooms b WHERE b.room_id = r.room_id) AS blocked,
         EXISTS (SELECT FROM matrix_admin.purges p WHERE p.room_id = r.room_id) AS purging
       FROM public.roomserver_rooms r WHERE r.room_id = :roomId`,
      { roomId, localServerNames: [...localServerNames] },
    ),
  );
  if (room === undefined) return undefined;
  const state = (await readNamedState(db, [roomId], NAMED_STATE)).get(roomId) ?? new Map<string, NamedState>();
  return {
    roomId: roomId,
    version: room.room_version,
    stub: room.extremities === 0,
    name: textOf(state.get('m.room.name'), 'name'),
    canonicalAlias: textOf(state.get('m.room.canonical_alias'), 'alias'),
    creator: state.get('m.room.create')?.sender ?? null,
    joinRule: textOf(state.get('m.room.join_rules'), 'join_rule'),
    encrypted: state.has('m.room.encryption'),
    published: room.published,
    aliases: room.aliases,
    members: await countMembers(db, room.room_nid, localServerNames),
    remoteServers: room.remote_servers,
    forwardExtremities: room.extremities,
    stateEvents: room.state_events,
    events: room.events,
    reports: room.reports,
    blocked: room.blocked,
    purging: room.purging,
  };
}

/**
 * The numbers that Dendrite stores in `roomserver_membership.membership_nid`. Number 1 stands for users who have left and users
 * who are banned.
 */
const MEMBERSHIP_NID = { left: 1, invite: 2, join: 3, knock: 4 } as const;

async function countMembers(
  db: Db,
  roomNid: string,
  localServerNames: readonly ServerName[],
): Promise<RoomInfo['members']> {
  const rows = await rowsOf<{ is_local: boolean; membership_nid: string; count: number }>(
    db.raw(
      `SELECT m.membership_nid, count(*)::int AS count, ${IS_LOCAL} AS is_local
       FROM public.roomserver_membership m
       JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = m.target_nid
       WHERE m.room_nid = :roomNid GROUP BY 1, 3`,
      { roomNid, localServerNames: [...localServerNames] },
    ),
  );
  const countsOf = (isLocal: boolean): MembershipCounts => {
    const count = (membership: keyof typeof MEMBERSHIP_NID): number =>
      rows.find((row) => row.is_local === isLocal && Number(row.membership_nid) === MEMBERSHIP_NID[membership])
        ?.count ?? 0;
    return { join: count('join'), invite: count('invite'), knock: count('knock'), left: count('left') };
  };
  return { local: countsOf(true), remote: countsOf(false) };
}
