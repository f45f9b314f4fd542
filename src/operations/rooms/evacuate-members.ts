import { MatrixError } from '../../errors.ts';
import { isRoomId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import type { RoomEventDraft } from '../../rooms/event-chain.ts';
import { type Governance, readGovernance } from '../../rooms/governance.ts';
import type { Db } from '../../storage/database.ts';
import { countMembers, listMembers, type Member, type Membership } from '../../storage/roomserver/membership.ts';
import { lockRoom, type StoredRoom } from '../../storage/roomserver/rooms.ts';
import type { JobScope } from '../define-operation.ts';

/** Maximum number of users who leave in one transaction. */
const BATCH = 1_000;

/** A user or a room for which an operation has failed, and the reason. */
export interface Failure {
  readonly id: string;
  readonly reason: string;
}

/**
 * The checkpoint of an evacuation. The users who have left are not in the checkpoint, but in a list that the database stores
 * for the job: the job's items. The items are sorted by the NIDs of the users' former member events. A NID is Dendrite's number
 * of an event.
 */
export interface EvacuationProgress {
  /** Number of users who have left. */
  readonly left: number;
  readonly failed: readonly Failure[];
  readonly total: number;
}

/** The services and functions of a job that an evacuation uses. */
export type EvacuationWork = Pick<
  JobScope<EvacuationProgress>,
  'announce' | 'commit' | 'items' | 'localServerNames' | 'reader' | 'roomWriter'
>;

/** The room to evacuate, and which users leave it. */
export interface EvacuatedRoom {
  readonly roomId: string;
  /** Whether invited local users reject their invites. */
  readonly invites: boolean;
  /** Whether local users withdraw their knocks. */
  readonly knocks: boolean;
}

/** The result of an evacuation. */
export interface EvacuatedMembers {
  /**
   * Ids of the users who have left, rejected their invite or withdrawn their knock. The order is that of their last member events
   * before.
   */
  readonly affected: readonly string[];
  readonly failed?: readonly Failure[];
}

/**
 * Makes all joined local users leave a room, in steps. `invites` and `knocks` say whether users also reject invites and
 * withdraw knocks. The users with the highest power levels leave last, so that these users can govern the room until the end.
 * @param before the progress of an earlier run of the job; `undefined` in the first run
 * @throws MatrixError `M_NOT_FOUND` if the room no longer exists
 */
export async function evacuateMembers(
  work: EvacuationWork,
  { roomId, invites, knocks }: EvacuatedRoom,
  before: EvacuationProgress | undefined,
): Promise<EvacuatedMembers> {
  const memberships: readonly Membership[] = [
    'join',
    ...(invites ? ['invite' as const] : []),
    ...(knocks ? ['knock' as const] : []),
  ];
  const serverNames = work.localServerNames;
  let progress = before;
  // `governance` has the power levels of the room. It is read only once, because the leave events do not change the power
  // levels of the remaining users.
  let governance: Governance | undefined;
  for (let isDone = false; !isDone; ) {
    isDone = await work.commit(async (transaction, afterCommit) => {
      const room = isRoomId(roomId) ? await lockRoom(transaction, roomId) : undefined;
      if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'room does not exist');
      const { left = 0, failed = [] } = progress ?? {};
      const total = progress?.total ?? (await countMembers(transaction, room.roomNid, { memberships, serverNames }));
      const filter = { memberships, serverNames, except: failed.map(({ id }) => id) };
      governance ??= await readGovernance(work.roomWriter.states, transaction, room);
      const { members, isOver } = await nextToLeave(work, transaction, room, governance, filter);
      const appended = await work.roomWriter.append(transaction, room.roomId, members.map(leaveOf));
      afterCommit(() =>
        work.announce({
          rooms: [room.roomId],
          users: appended.events.map(({ draft }) => draft.sender),
          destinations: appended.destinations,
        }),
      );
      const nids = new Map(members.map(({ userId, eventNid }) => [userId, eventNid]));
      const leaving = appended.events.map(({ draft: { sender } }) => sender);
      const hadLeft = await work.items.find(transaction, leaving);
      await work.items.add(
        transaction,
        leaving.map((userId) => ({ item: userId, ordinal: nids.get(userId) ?? 0 })),
      );
      progress = {
        left: left + leaving.length - hadLeft.size,
        failed: [
          ...failed,
          ...appended.refused.map(({ draft, error }) => ({ id: draft.sender, reason: error.message })),
        ],
        total,
      };
      const done = progress.left + progress.failed.length;
      return { checkpoint: progress, phase: 'leave', done, total, value: isOver };
    });
  }
  const { failed = [] } = progress ?? {};
  const affected = await work.items.list(work.reader());
  return { affected, ...(failed.length > 0 && { failed }) };
}

/**
 * Chooses the members who leave next. Members whom the power levels event does not name leave first. The other members leave
 * afterwards, the most powerful members last. `isOver` is true if no other members remain after these, or if all remaining
 * members have left before and have come back.
 */
async function nextToLeave(
  { items }: EvacuationWork,
  db: Db,
  room: StoredRoom,
  { userIds, levelOf }: Governance,
  filter: { memberships: readonly Membership[]; serverNames: readonly string[]; except: readonly string[] },
): Promise<{ members: Member[]; isOver: boolean }> {
  const areAllBack = async (members: readonly Member[]): Promise<boolean> => {
    const back = await items.find(
      db,
      members.map(({ userId }) => userId),
    );
    return back.size === members.length;
  };
  const others = await listMembers(db, room.roomNid, {
    ...filter,
    except: [...filter.except, ...userIds],
    limit: BATCH,
  });
  if (others.length === BATCH && !(await areAllBack(others))) return { members: others, isOver: false };
  const governing = new Set<string>(userIds);
  const last = await listMembers(db, room.roomNid, { ...filter, limit: Number.MAX_SAFE_INTEGER });
  const rank = ({ userId }: Member): number => (governing.has(userId) ? Math.min(levelOf(userId), 1e9) : -Infinity);
  const members = last.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b))).slice(0, BATCH);
  return { members, isOver: last.length <= BATCH || (await areAllBack(last)) };
}

/**
 * Makes a leave event that keeps the user's display name and avatar. Leaves out a text with a lone surrogate, because an event
 * with such a text cannot be signed.
 */
function leaveOf({ userId, event }: Member): RoomEventDraft {
  const content = isRecord(event.content) ? event.content : {};
  const profile = ['displayname', 'avatar_url']
    .map((key) => [key, content[key]] as const)
    .filter(([, value]) => typeof value === 'string' && value !== '' && value.isWellFormed());
  return {
    type: 'm.room.member',
    sender: userId,
    stateKey: userId,
    content: { ...Object.fromEntries(profile), membership: 'leave' },
  };
}
