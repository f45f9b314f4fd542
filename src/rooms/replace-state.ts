import type { Knex } from 'knex';
import { type ServerName, splitUserId } from '../ids.ts';
import { inSlices } from '../in-slices.ts';
import { stateName } from '../matrix/auth-events.ts';
import type { CheckedEvent } from '../matrix/check-event.ts';
import { batchesOf } from '../storage/batches.ts';
import { deleteJoinedHosts, insertJoinedHosts } from '../storage/federation/joined-hosts.ts';
import type { StoredEvent } from '../storage/roomserver/events.ts';
import {
  deleteMemberships,
  isMembership,
  listMemberNids,
  type Membership,
  upsertMemberships,
} from '../storage/roomserver/membership.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import { writeTogether } from '../storage/write-together.ts';
import type { DownloadedState } from './fetch-state.ts';
import type { RoomState } from './room-states.ts';
import type { StateEntry } from './state-block.ts';
import { storeState } from './state-chain.ts';
import { type StoredOutliers, storeOutliers } from './store-outliers.ts';

/** Maximum number of members that one statement reads or deletes. */
const MEMBERS_AT_ONCE = 5_000;

/** Returns the `membership` of a member event. Returns `undefined` for other events, and if `membership` is not a text. */
export const membershipIn = ({ type, content }: CheckedEvent): string | undefined =>
  type === 'm.room.member' && typeof content.membership === 'string' ? content.membership : undefined;

/** A member event of the new state. */
interface NewMember {
  readonly checked: CheckedEvent;
  readonly userId: string;
  readonly membership: Membership;
  readonly targetNid: number;
}

/**
 * Stores a room's state from another server, and its auth events, in the roomserver's tables. Replaces the room's memberships
 * and the list of servers in the room by those of this state. Changes neither the room's forward extremities nor the tables of
 * `/sync`. The caller then writes an event that follows the new state, and calls `replaceSyncState()`, which changes the tables
 * of `/sync`.
 * @returns the stored state, with all its events
 */
export async function replaceRoomState(
  transaction: Knex.Transaction,
  room: StoredRoom,
  { state, authChain }: Pick<DownloadedState, 'state' | 'authChain'>,
  { serverName }: { readonly serverName: ServerName },
): Promise<RoomState> {
  const outliers = await storeOutliers(transaction, room, [...authChain, ...state]);
  const { entries, events, members } = await inSlices(newState(state, outliers));
  const stored = await storeState(transaction, room.roomNid, entries);
  await forgetOtherMembers(transaction, room, members);
  await deleteJoinedHosts(transaction, room.roomId);
  for (const batch of batchesOf([...members.values()])) {
    const changes = batch.map(({ checked, userId, membership, targetNid }) => ({
      targetNid,
      senderNid: outliers.nidOf(checked.sender),
      membership,
      eventNid: outliers.eventNidOf(checked),
      targetLocal: splitUserId(userId).serverName === serverName,
    }));
    const hosts = batch
      .filter(({ membership }) => membership === 'join')
      .map(({ checked: { eventId }, userId }) => ({ eventId, serverName: splitUserId(userId).serverName }));
    await writeTogether(transaction, [
      ...upsertMemberships(room.roomNid, changes),
      ...insertJoinedHosts(room.roomId, hosts),
    ]);
  }
  return { ...stored, nids: outliers.nids, events };
}

/**
 * Converts a state to three forms: its entries, its events by the name that `stateName()` makes, and its member events by the
 * NID of the user id.
 */
function* newState(
  state: readonly CheckedEvent[],
  { typeNidOf, nidOf, eventNidOf }: StoredOutliers,
): Generator<
  undefined,
  { entries: StateEntry[]; events: Map<string, StoredEvent>; members: Map<number, NewMember> },
  undefined
> {
  const entries: StateEntry[] = [];
  const events = new Map<string, StoredEvent>();
  const members = new Map<number, NewMember>();
  for (const checked of state) {
    yield;
    const { eventId, type, stateKey = '', depth, event } = checked;
    const [eventNid, stateKeyNid] = [eventNidOf(checked), nidOf(stateKey)];
    entries.push({ typeNid: typeNidOf(checked), stateKeyNid, eventNid });
    events.set(stateName(type, stateKey), { eventNid, eventId, depth, event });
    const membership = membershipIn(checked);
    if (!isMembership(membership)) continue;
    members.set(stateKeyNid, { checked, userId: stateKey, membership, targetNid: stateKeyNid });
  }
  return { entries, events, members };
}

/** Deletes the memberships of all users who are not in `members`. */
async function forgetOtherMembers(
  transaction: Knex.Transaction,
  { roomNid }: StoredRoom,
  members: ReadonlyMap<number, NewMember>,
): Promise<void> {
  let after = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const nids = await listMemberNids(transaction, roomNid, after, MEMBERS_AT_ONCE);
    const gone = nids.filter((nid) => !members.has(nid));
    if (gone.length > 0) await deleteMemberships(transaction, roomNid, gone);
    const last = nids.at(-1);
    if (last === undefined || nids.length < MEMBERS_AT_ONCE) return;
    after = last;
  }
}
