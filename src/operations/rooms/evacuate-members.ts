import { MatrixError } from '../../errors.ts';
import { isRoomId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import type { RoomEventDraft } from '../../rooms/event-chain.ts';
import { type Governance, readGovernance } from '../../rooms/governance.ts';
import type { Db } from '../../storage/database.ts';
import { countMembers, listMembers, type Member, type Membership } from '../../storage/roomserver/membership.ts';
import { lockRoom, type StoredRoom } from '../../storage/roomserver/rooms.ts';
import type { OperationWork } from '../define-operation.ts';

/** Users who leave in one transaction. */
const BATCH = 1_000;

/** A user or room that could not be dealt with, and the reason. */
export interface Failure {
  readonly id: string;
  readonly reason: string;
}

/** How far an evacuation is. Users who have left are items of the job, ordered by the NID of their earlier member event. */
export interface EvacuationProgress {
  /** Number of users who have left. */
  readonly left: number;
  readonly failed: readonly Failure[];
  readonly total: number;
}

/** What an evacuation needs from its job. */
export type EvacuationWork = Pick<
  OperationWork<EvacuationProgress>,
  'announce' | 'commit' | 'items' | 'localServerNames' | 'reader' | 'roomWriter'
>;

/** What users who leave have in common. */
export interface EvacuatedRoom {
  readonly roomId: string;
  /** Whether invited local users reject their invites. */
  readonly invites: boolean;
  /** Whether local users take their knocks back. */
  readonly knocks: boolean;
}

/** The outcome of an evacuation. */
export interface EvacuatedMembers {
  /** User ids, in the order of joining, as in Dendrite's answer. */
  readonly affected: readonly string[];
  readonly failed?: readonly Failure[];
}

/**
 * Makes all local users leave a room, in steps. Users with power leave last, so that the room is governed until the end.
 * @param before the progress of an earlier run
 * @throws MatrixError `M_NOT_FOUND` if the room is not there any more
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
  // Power levels are those at the beginning. The order of the remaining users does not change.
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
 * Chooses who leaves next. Users with a power level of their own leave after all others, the most powerful last. The evacuation
 * is over when the chosen members are all that are left, or when all of them have left before and come back.
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
 * Makes a leave event that keeps the user's display name. Text with half of a surrogate pair cannot be signed and is left
 * out.
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
