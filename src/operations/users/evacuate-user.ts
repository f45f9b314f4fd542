import { z } from 'zod';
import { describeError } from '../../errors.ts';
import { type RoomId, splitUserId, type UserId } from '../../ids.ts';
import { rejectRemoteInvite } from '../../rooms/reject-remote-invite.ts';
import { allEnded } from '../../storage/database.ts';
import { findRoomOfUser, listRoomsOfUser, type RoomOfUser } from '../../storage/roomserver/membership.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import type { Failure } from '../rooms/evacuate-members.ts';
import { requireLocal } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/** Number of rooms after which the job stores its checkpoint. */
const BATCH = 50;

/** The checkpoint of the job. All rooms before the index `position` have been processed. */
interface Progress {
  readonly rooms: readonly RoomId[];
  readonly position: number;
  readonly failed: readonly Failure[];
  readonly unreachable: readonly Failure[];
}

/**
 * The result of a user's evacuation. `affected` lists the rooms that the user has left, including rejected invites and
 * withdrawn knocks. A dry run returns what would happen.
 */
export interface Evacuation {
  readonly affected: readonly RoomId[];
  /** Rooms that the user could not leave, and the reasons. Absent if there are none. */
  readonly failed?: readonly Failure[];
  /**
   * Invites that were removed only on this homeserver, because the inviter's server could not be asked to reject the invite or
   * has refused. Each entry has the room id and the reason. Absent if there are none.
   */
  readonly unreachable?: readonly Failure[];
}

/**
 * Makes a local user leave every room, reject every invite and withdraw every knock. If the user cannot leave a room, the job
 * continues with the other rooms. Dendrite's route is `POST /_dendrite/admin/evacuateUser/{userID}`. Unlike this operation,
 * Dendrite stops at the first failure and ignores knocks.
 * @throws MatrixError `M_INVALID_PARAM` if the user belongs to another server
 */
export const evacuateUser = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** Whether to only report what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  dedupeKey: ({ userId }) => userId,
  begin: async (scope, { userId }) => {
    requireLocal(scope, userId, 'can only evacuate local users using this endpoint');
  },
  run: async (work: JobScope<Progress>, { userId }): Promise<Evacuation> => {
    let progress = work.checkpoint ?? (await plan(work, userId));
    while (progress.position < progress.rooms.length) {
      const { rooms, position } = progress;
      const batch = rooms.slice(position, position + BATCH);
      const outcomes = await leaveAll(work, userId, batch);
      const problems = (kind: 'failed' | 'unreachable'): Failure[] =>
        outcomes.flatMap((outcome) =>
          outcome[kind] === undefined ? [] : [{ id: outcome.roomId, reason: outcome[kind] }],
        );
      progress = {
        rooms,
        position: position + batch.length,
        failed: [...progress.failed, ...problems('failed')],
        unreachable: [...progress.unreachable, ...problems('unreachable')],
      };
      await store(work, progress);
    }
    const { rooms, failed, unreachable } = progress;
    const stayed = new Set(failed.map(({ id }) => id));
    return {
      affected: rooms.filter((roomId) => !stayed.has(roomId)),
      ...(failed.length > 0 && { failed }),
      ...(unreachable.length > 0 && { unreachable }),
    };
  },
});

async function plan(work: JobScope<Progress>, userId: UserId): Promise<Progress> {
  const rooms = (await listRoomsOfUser(work.reader(), userId)).map(({ roomId }) => roomId);
  return store(work, { rooms, position: 0, failed: [], unreachable: [] });
}

function store(work: JobScope<Progress>, progress: Progress): Promise<Progress> {
  return work.commit(async () => ({
    checkpoint: progress,
    phase: 'leave',
    done: progress.position,
    total: progress.rooms.length,
    value: progress,
  }));
}

interface Outcome {
  readonly roomId: RoomId;
  readonly failed?: string;
  readonly unreachable?: string;
}

/**
 * Makes the user leave several rooms, at most `limits.connections` rooms at a time. This is possible because each room has its
 * own lock. In a dry run, the rooms share one transaction, so the user leaves one room after the other.
 */
async function leaveAll(work: JobScope<Progress>, userId: UserId, roomIds: readonly RoomId[]): Promise<Outcome[]> {
  const waiting = [...roomIds];
  const outcomes: Outcome[] = [];
  const lane = async (): Promise<void> => {
    for (let roomId = waiting.shift(); roomId !== undefined; roomId = waiting.shift()) {
      work.signal.throwIfAborted();
      outcomes.push(await leave(work, userId, roomId));
    }
  };
  await allEnded(Array.from({ length: work.dryRun ? 1 : work.limits.connections }, lane));
  return outcomes;
}

/**
 * Makes the user leave a room. First tries to add a leave event to the room, which works for most rooms. Only looks at the
 * user's membership if this fails.
 */
async function leave(work: JobScope<Progress>, userId: UserId, roomId: RoomId): Promise<Outcome> {
  try {
    await leaveHere(work, userId, roomId);
    return { roomId };
  } catch (error) {
    work.signal.throwIfAborted();
    return afterFailure(work, userId, roomId, error);
  }
}

/**
 * Adds the leave event to the room.
 * @throws MatrixError if the event is refused, for example because the user has already left, or because the homeserver knows
 * the room only from an invite
 */
async function leaveHere(work: JobScope<Progress>, userId: UserId, roomId: RoomId): Promise<void> {
  const draft = { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'leave' } };
  await work.transact(async (transaction, afterCommit) => {
    const { refused, destinations } = await work.roomWriter.append(transaction, roomId, [draft]);
    const [refusal] = refused;
    if (refusal !== undefined) throw refusal.error;
    afterCommit(() => work.announce({ rooms: [roomId], users: [userId], destinations }));
  });
}

async function afterFailure(
  work: JobScope<Progress>,
  userId: UserId,
  roomId: RoomId,
  failure: unknown,
): Promise<Outcome> {
  try {
    const room = await findRoomOfUser(work.reader(), userId, roomId);
    // If no room was found, the user has already left, for example in an earlier run of the job that crashed.
    if (room === undefined) return { roomId };
    return room.isInState ? { roomId, failed: describeError(failure) } : await leaveRemotely(work, userId, room);
  } catch (error) {
    work.signal.throwIfAborted();
    return { roomId, failed: describeError(error) };
  }
}

/**
 * Rejects an invite to a room whose state the homeserver does not have. Asks the inviter's server to reject the invite, except
 * in a dry run or if the inviter is unknown. Always removes the invite from this homeserver.
 */
async function leaveRemotely(
  work: JobScope<Progress>,
  userId: UserId,
  { roomId, inviter }: RoomOfUser,
): Promise<Outcome> {
  const { federation, signingKeys, signal, limits } = work;
  const destination = inviter && splitUserId(inviter).serverName;
  const settings = { federation, signingKeys, signal, limitMs: limits.federationRequestMs };
  const unreachable =
    destination === undefined || work.dryRun
      ? undefined
      : await rejectRemoteInvite({ roomId, userId, destination }, settings);
  await work.transact(async (transaction, afterCommit) => {
    await work.roomWriter.retireInvite(transaction, roomId, userId);
    afterCommit(() => work.announce({ rooms: [roomId], users: [userId] }));
  });
  return { roomId, ...(unreachable !== undefined && { unreachable }) };
}
