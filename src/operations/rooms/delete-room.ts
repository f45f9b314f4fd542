import type { Knex } from 'knex';
import { z } from 'zod';
import { MatrixError, ParameterError } from '../../errors.ts';
import { type RoomId, splitUserId } from '../../ids.ts';
import { hideRoom } from '../../rooms/purge/hide-room.ts';
import { purgeHiddenRoom } from '../../rooms/purge/purge-hidden-room.ts';
import { SEARCHABLE_TYPES } from '../../search/document.ts';
import { findQueueEntries, listWaitingServers } from '../../storage/federation/queue.ts';
import { insertBlockedRoom } from '../../storage/plugin/blocked-rooms.ts';
import { isPurging } from '../../storage/plugin/purges.ts';
import { countMembers, forgetLeftRoom } from '../../storage/roomserver/membership.ts';
import { lockRoom } from '../../storage/roomserver/rooms.ts';
import type { AfterCommit } from '../../storage/transact.ts';
import { findAccount } from '../../storage/userapi/accounts.ts';
import { nameOf } from '../actor.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { type Deletable, deletableMediaOfRoom } from '../media/delete-room-media.ts';
import { deleteAsPart, NOTHING_DELETED } from '../media/deleted-media.ts';
import { mediaChoiceInput, requireChoice } from '../media/media-choice.ts';
import { userIdInput } from '../users/user-id-input.ts';
import { awaitDelivery } from './await-delivery.ts';
import { type EvacuationProgress, type EvacuationWork, evacuateMembers } from './evacuate-members.ts';
import { joinNewRoom, makeNewRoom, moveUsers, userIdsOf } from './move-to-new-room.ts';
import {
  type DeletionProgress,
  type RoomShutdown,
  shutdownOf,
  type TrackedDeletion,
  trackDeletion,
} from './room-deletions.ts';
import { roomIdInput } from './room-id-input.ts';

/**
 * Maximum number of users who leave in the transaction that hides the room, because they have joined after the evacuation. If
 * more users have joined, another evacuation follows.
 */
const BATCH = 1_000;
/**
 * Maximum time that a deletion waits until other servers have received the leave events, in ms. A client that waits for the end
 * of the deletion also waits for this time.
 */
const DELIVERY_MS = 4_000;

const input = inputObject({
  /** The room. */
  roomId: roomIdInput,
  /** Whether to block the room, so that local users cannot join it again. @defaultValue false */
  block: z.boolean().default(false),
  /** Whether to delete the room's data. If `false`, local users only leave and forget the room. @defaultValue true */
  purge: z.boolean().default(true),
  /** Whether to purge the room even if some local users could not leave. @defaultValue false */
  forcePurge: z.boolean().default(false),
  /**
   * The local user who creates a new room. Users who have left the old room join the new room. @defaultValue there is no new
   * room
   */
  newRoomUserId: userIdInput.optional(),
  /** Name of the new room. @defaultValue `Content Violation Notification` */
  roomName: z.string().min(1).max(255).optional(),
  /**
   * A message that is sent into the new room. @defaultValue a sentence which says that administrators have closed the old room
   */
  message: z.string().min(1).max(10_000).optional(),
  /**
   * What happens to the media that the room's events use. `keep`: all media stay. `unused`: the job deletes media to which
   * nothing outside of the room refers. `all`: the job deletes all media that the events use. `unused` and `all` need `purge`.
   * @defaultValue `keep`
   */
  media: mediaChoiceInput,
  /** Whether to only report what would happen. @defaultValue false */
  dryRun: z.boolean().default(false),
});
type Input = z.output<typeof input>;

/**
 * Makes all local users leave a room, also invited and knocking users. If `newRoomUserId` is set, moves those who have left,
 * and the local aliases, to a new room. Purges the old room unless `purge` is `false`. If the homeserver does not know the
 * room, the call only blocks the room, if `block` is set. For one room, jobs of `deleteRoom` and `purgeRoom` do not run at the
 * same time. Synapse's routes are `DELETE /_synapse/admin/v1/rooms/{roomId}` and `DELETE /_synapse/admin/v2/rooms/{roomId}`.
 * @throws MatrixError `M_BAD_STATE` if some users could not leave a room that is to be purged, and `forcePurge` is not set
 * @throws MatrixError `M_BAD_STATE` if `media` is not `keep` and the host provides no store of media files
 */
export const deleteRoom = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input,
  target: ({ roomId }) => roomId,
  includes: ({ roomId, purge: isPurged, block, media, dryRun }) => [
    isPurged
      ? {
          operation: 'purgeRoom',
          input: { roomId, evacuate: true, block, keep: [], onlyIfEmpty: false, media, dryRun },
        }
      : { operation: 'evacuateRoom', input: { roomId, invites: true, knocks: true, dryRun } },
    ...(block && !isPurged ? [{ operation: 'blockRoom', input: { roomId } }] : []),
  ],
  dedupeKey: ({ roomId }) => roomId,
  dedupesWith: 'purgeRoom',
  begin: async (scope, options) => {
    const { transaction, afterCommit, actor, announce, signingKeys } = scope;
    const { roomId, newRoomUserId } = options;
    if (options.media !== 'keep' && !options.purge) throw new ParameterError(['media'], 'only a purge deletes media');
    requireChoice(scope, options.media);
    const ofNewRoom = (['roomName', 'message'] as const).find((name) => options[name] !== undefined);
    if (newRoomUserId === undefined && ofNewRoom !== undefined) {
      throw new ParameterError([ofNewRoom], 'only allowed together with the user who creates the new room');
    }
    if (newRoomUserId !== undefined) {
      if (!signingKeys.some(({ serverName }) => serverName === splitUserId(newRoomUserId).serverName)) {
        throw new MatrixError('M_INVALID_PARAM', `User must be our own: ${newRoomUserId}`);
      }
      const account = await findAccount(transaction, newRoomUserId);
      if (account === undefined || account.isDeactivated) {
        throw new ParameterError(['newRoomUserId'], `${newRoomUserId} does not exist or is deactivated`);
      }
    }
    if (options.block) await insertBlockedRoom(transaction, { roomId, reason: undefined, blockedBy: nameOf(actor) });
    afterCommit(() => announce({ rooms: [roomId] }));
  },
  run: async (work: JobScope<DeletionProgress>, options): Promise<RoomShutdown> => {
    const tracked = trackDeletion(work);
    for (let round = 1; tracked.progress().shutdown === undefined; round += 1) {
      await emptyRoom(work, tracked, options);
      await closeRoom(work, tracked, options, round);
    }
    const { roomId } = options;
    const isClosed = await tracked.step('purge', async (transaction) => [{}, await isPurging(transaction, roomId)]);
    if (options.purge && isClosed) {
      if (options.media !== 'keep') await deleteMediaFirst(work, tracked, roomId, options.media);
      const settings = { roomId, keep: [], search: work.roomRemoval, searchableTypes: SEARCHABLE_TYPES };
      await purgeHiddenRoom({ ...work, commit: tracked.commit(() => ({})) }, settings);
    }
    const shutdown = tracked.progress().shutdown ?? (await shutdownOf({}, work.items, work.reader(), []));
    const { media } = tracked.progress();
    return { ...shutdown, ...(options.dryRun && { newRoomId: null }), ...(media && { media }) };
  },
});

/**
 * Deletes the media of the hidden room that `choice` selects. The job must do this before it deletes the room's events, because
 * the events say which media the room uses.
 */
async function deleteMediaFirst(
  work: JobScope<DeletionProgress>,
  tracked: TrackedDeletion,
  roomId: RoomId,
  choice: Deletable,
): Promise<void> {
  const keys = deletableMediaOfRoom(work, roomId, choice);
  const { media: before = NOTHING_DELETED } = tracked.progress();
  await deleteAsPart(work, keys, before, (change) =>
    tracked.step('media', async (transaction) => {
      const media = await change(transaction);
      return [{ media }, media];
    }),
  );
}

/**
 * Makes all local users leave, and moves these users and the local aliases to the new room if `newRoomUserId` is set. Does
 * nothing if the homeserver has no current events of the room, because it knows only an invite or because the room is being
 * purged. Such a room has no members.
 */
async function emptyRoom(work: JobScope<DeletionProgress>, tracked: TrackedDeletion, options: Input): Promise<void> {
  const { roomId, newRoomUserId } = options;
  const isThere = await tracked.step('leave', async (transaction) => {
    const room = await lockRoom(transaction, roomId);
    return [{}, room !== undefined && room.latestEventNids.length > 0];
  });
  if (!isThere) return;
  if (newRoomUserId !== undefined) await makeNewRoom(work, tracked, options, newRoomUserId);
  const commit = tracked.commit((evacuation: EvacuationProgress) => ({ evacuation }));
  await evacuate({ ...work, commit }, roomId, tracked.progress().evacuation);
  if (newRoomUserId !== undefined) await moveUsers(work, tracked, options, newRoomUserId);
}

/** Makes all local users leave. Continues from the progress `before`. */
async function evacuate(work: EvacuationWork, roomId: RoomId, before: EvacuationProgress | undefined): Promise<void> {
  await evacuateMembers(work, { roomId, invites: true, knocks: true }, before);
}

/**
 * Makes those users leave who have joined after the evacuation, and moves these users to the new room if there is one. Makes
 * all changes in the given transaction.
 * @returns the progress with the new evacuation
 */
async function leaveAtOnce(
  work: JobScope<DeletionProgress>,
  transaction: Knex.Transaction,
  afterCommit: AfterCommit,
  progress: DeletionProgress,
  options: Input,
): Promise<DeletionProgress> {
  const { newRoomId, moved = 0 } = progress;
  // Locks the new room first, because a transaction must lock rooms before the search index.
  if (newRoomId !== undefined) await lockRoom(transaction, newRoomId);
  let { evacuation } = progress;
  const commit: EvacuationWork['commit'] = async (step) => {
    const { checkpoint, value } = await step(transaction, afterCommit);
    evacuation = checkpoint;
    return value;
  };
  await evacuate({ ...work, commit }, options.roomId, evacuation);
  const users = userIdsOf(await work.items.listAdded(transaction, moved, Number.MAX_SAFE_INTEGER));
  if (newRoomId !== undefined && users.length > 0) {
    await joinNewRoom(work, transaction, afterCommit, newRoomId, users, options.newRoomUserId);
  }
  return { ...progress, evacuation };
}

/**
 * Ends the work on the users, and stores the result. Hides the room from clients for its purge, or makes the former members
 * forget the room if `purge` is `false`. If users have joined after the evacuation of a room that is to be purged, round 1 only
 * returns. The caller then evacuates the room again, and other servers receive the new leave events. In later rounds, up to
 * `BATCH` such users leave in the transaction that hides the room. So users who keep joining cannot prevent the purge.
 * @throws MatrixError `M_BAD_STATE` if users are still in the room that is to be purged, and `forcePurge` is not set
 */
async function closeRoom(
  work: JobScope<DeletionProgress>,
  tracked: TrackedDeletion,
  options: Input,
  round: number,
): Promise<void> {
  const { roomId, dryRun, forcePurge } = options;
  const { evacuation } = tracked.progress();
  const limitMs = Math.min(work.limits.federationRequestMs, DELIVERY_MS);
  const undelivered = options.purge && evacuation && !dryRun ? await awaitDelivery(work, roomId, limitMs) : [];
  await tracked.step(options.purge ? 'hide' : 'forget', async (transaction, afterCommit) => {
    const room = await lockRoom(transaction, roomId);
    const filter = { memberships: ['join'] as const, serverNames: work.localServerNames };
    const countJoined = async (): Promise<number> =>
      room === undefined ? 0 : countMembers(transaction, room.roomNid, filter);
    let progress = tracked.progress();
    let waiting = undelivered;
    if (options.purge && !forcePurge) {
      const joined = await countJoined();
      const hasFailed = (progress.evacuation?.failed ?? []).length > 0;
      if (joined > 0 && !hasFailed) {
        if (round === 1 || joined > BATCH) return [{}, undefined];
        progress = await leaveAtOnce(work, transaction, afterCommit, progress, options);
        waiting = await listWaitingServers(transaction, (await findQueueEntries(transaction, roomId, 0)).nids);
      }
      const stayed = joined === 0 ? 0 : await countJoined();
      if (stayed > 0) {
        throw new MatrixError(
          'M_BAD_STATE',
          `${stayed} users are still joined to the room; force_purge purges it anyway`,
        );
      }
    }
    if (room !== undefined && !options.purge) await forgetLeftRoom(transaction, room.roomNid, work.localServerNames);
    const { localServerNames } = work;
    const isPurged = room !== undefined && options.purge;
    const departed = isPurged ? await hideRoom(transaction, roomId, { keep: [], localServerNames }) : [];
    afterCommit(() => work.announce({ rooms: [roomId], users: departed }));
    const shutdown = await shutdownOf(progress, work.items, transaction, waiting);
    return [{ shutdown, evacuation: undefined }, undefined];
  });
}
