import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import type { UserId } from '../../index.ts';
import { isRecord } from '../../matrix/index.ts';
import { readCurrentState, type StoredSyncEvent } from '../storage/sync-events.ts';
import type { StoredInvite } from '../storage/sync-memberships.ts';
import { byRoom } from './by-room.ts';
import { type SyncEvent, strippedForm } from './client-form.ts';
import type { PendingRoom } from './room-plans.ts';

/** Types of the state events that users outside of the room may see. Source: Client-Server API, "Stripped state". */
const STRIPPED_TYPES: readonly unknown[] = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
];

/** The sections `invite` and `knock` of an answer of `/sync`. */
export interface PendingSections {
  readonly invite: Readonly<Record<string, SyncEvent>>;
  readonly knock: Readonly<Record<string, SyncEvent>>;
}

/**
 * Makes the sections for invites and knocks.
 * @param invites the user's invites, by room. An invite from another server contains the stripped state of the room, because
 * this homeserver may not know the room.
 */
export async function pendingSections(
  db: Knex,
  pending: readonly PendingRoom[],
  invites: ReadonlyMap<string, StoredInvite>,
): Promise<PendingSections> {
  const local = pending.filter(({ roomId }) => sentState(invites.get(roomId)) === undefined);
  const states = byRoom(
    await readCurrentState(
      db,
      local.map(({ roomId }) => roomId),
      [],
    ),
  );
  const stateOf = ({ roomId, member }: PendingRoom): SyncEvent[] => {
    const state = (states.get(roomId) ?? []).filter(({ event }) => STRIPPED_TYPES.includes(event.type));
    const stripped = sentState(invites.get(roomId)) ?? state.map(strippedForm);
    return [...stripped, strippedForm(member)];
  };
  const sectionOf = (section: PendingRoom['section']): Readonly<Record<string, SyncEvent>> =>
    Object.fromEntries(
      pending
        .filter((room) => room.section === section)
        .map((room) => [room.roomId, { [`${section}_state`]: { events: stateOf(room) } }]),
    );
  return { invite: sectionOf('invite'), knock: sectionOf('knock') };
}

/** Returns the stripped state that an invite contains. Returns `undefined` if there is no invite, or if it contains none. */
function sentState(invite: StoredInvite | undefined): SyncEvent[] | undefined {
  const unsigned = invite?.event.unsigned;
  if (!isRecord(unsigned) || !Array.isArray(unsigned.invite_room_state)) return undefined;
  return unsigned.invite_room_state.filter(isRecord).map((event) => strippedForm({ event }));
}

/**
 * A membership that ended without a stored event: an invite from another server was answered or withdrawn, or the room was
 * purged.
 */
export interface UnwrittenLeave {
  readonly roomId: string;
  readonly position: number;
  /**
   * For a purged room, the time of the purge. For an invite, the time at which it was sent, because the time at which it ended
   * is not stored. In ms since the epoch.
   */
  readonly leftAt: number;
}

/** Describes the end of an invite from another server. */
export const endOfInvite = ({ roomId, position, event }: StoredSyncEvent): UnwrittenLeave => ({
  roomId,
  position,
  leftAt: Number(event.origin_server_ts ?? 0),
});

/**
 * Makes the entry of a room in the section `leave` for a membership that ended without a stored event. The entry contains an
 * invented leave event. Its event id is a hash, so that every device of the user gets the same event.
 */
export function unwrittenLeave(userId: UserId, { roomId, position, leftAt }: UnwrittenLeave): SyncEvent {
  const hash = createHash('sha256').update(JSON.stringify([userId, roomId, position]));
  const leave = {
    type: 'm.room.member',
    sender: userId,
    state_key: userId,
    content: { membership: 'leave' },
    origin_server_ts: leftAt,
    event_id: `$${hash.digest('base64url')}`,
    unsigned: {},
  };
  return {
    state: { events: [] },
    timeline: { events: [leave], limited: false, prev_batch: `t0_${position}` },
    account_data: { events: [] },
  };
}

/**
 * Returns the invites to rooms of other servers in which the user has no stored member event: `pending` has the open invites,
 * and `ended` has the invites that were answered or withdrawn.
 * @param knows tells whether to leave out the invites to a room
 */
export function unknownRoomInvites(
  invites: ReadonlyMap<string, StoredInvite>,
  knows: (roomId: string) => boolean,
): { readonly pending: readonly PendingRoom[]; readonly ended: readonly StoredSyncEvent[] } {
  const unknown = [...invites.values()].filter(({ roomId }) => !knows(roomId));
  return {
    pending: unknown
      .filter(({ isRetired }) => !isRetired)
      .map((member) => ({ roomId: member.roomId, section: 'invite', member })),
    ended: unknown.filter(({ isRetired }) => isRetired),
  };
}
