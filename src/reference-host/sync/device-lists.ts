import type { Knex } from 'knex';
import type { StoredSyncEvent } from '../storage/sync-events.ts';
import { listChangedDeviceLists } from '../storage/sync-extras.ts';
import { listMembersOf, listSharing } from '../storage/sync-memberships.ts';
import { membershipOf } from './member-history.ts';
import type { RoomPlan } from './room-plans.ts';
import type { SyncRequest } from './sync-request.ts';

/** The field `device_lists` of an answer. Source: Client-Server API, "End-to-end encryption", "Extensions to /sync". */
export interface DeviceLists {
  /**
   * Users whose devices the client must read again, because their keys have changed, or because they now share a room with the
   * client's user.
   */
  readonly changed: readonly string[];
  /** Users who no longer share a room with the client's user. */
  readonly left: readonly string[];
}

/**
 * Reads which device lists have changed since the client's position. Both lists are empty for a client that has received
 * nothing.
 * @param plans the joined and left rooms in the answer
 * @param members the member events in the answer
 */
export async function readDeviceLists(
  db: Knex,
  { device: { userId }, since, upTo }: SyncRequest,
  plans: readonly RoomPlan[],
  members: readonly StoredSyncEvent[],
): Promise<DeviceLists> {
  if (since === undefined) return { changed: [], left: [] };
  const others = members.filter(({ event }) => event.state_key !== userId);
  const usersWith = (isJoined: boolean): string[] =>
    others
      .filter((member) => (membershipOf(member) === 'join') === isJoined)
      .map(({ event }) => String(event.state_key));
  const roomsIn = (section: RoomPlan['section']): string[] =>
    plans.filter((plan) => plan.section === section && (plan.isNew || section === 'leave')).map(({ roomId }) => roomId);
  const joined = [...usersWith(true), ...(await listMembersOf(db, roomsIn('join')))];
  const left = [...usersWith(false), ...(await listMembersOf(db, roomsIn('leave')))].filter((user) => user !== userId);
  const keys = await listChangedDeviceLists(db, since.deviceLists, upTo.deviceLists);
  const sharing = await listSharing(db, userId, [...new Set([...joined, ...left, ...keys])]);
  const changed = [...joined, ...keys].filter((user) => sharing.has(user) || user === userId);
  return { changed: [...new Set(changed)], left: [...new Set(left)].filter((user) => !sharing.has(user)) };
}
