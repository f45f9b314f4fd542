import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { RoomId } from '../../ids.ts';
import { hideRoom, requireRoomRow } from '../../rooms/purge/hide-room.ts';
import { type PurgeCheckpoint, type Purged, purgeHiddenRoom } from '../../rooms/purge/purge-hidden-room.ts';
import { KEEPABLE, type Keepable } from '../../rooms/purge/purge-phases.ts';
import { SEARCHABLE_TYPES } from '../../search/document.ts';
import { insertBlockedRoom } from '../../storage/plugin/blocked-rooms.ts';
import { isPurging } from '../../storage/plugin/purges.ts';
import { countMembers } from '../../storage/roomserver/membership.ts';
import { nameOf } from '../actor.ts';
import { defineJobOperation, type JobScope, type WriteScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { type Deletable, deletableMediaOfRoom } from '../media/delete-room-media.ts';
import { type DeletionCounts, deleteAsPart, NOTHING_DELETED } from '../media/deleted-media.ts';
import { mediaChoiceInput, requireChoice } from '../media/media-choice.ts';
import { awaitDelivery } from './await-delivery.ts';
import { type EvacuationProgress, evacuateMembers } from './evacuate-members.ts';
import { roomIdInput } from './room-id-input.ts';

interface Progress extends PurgeCheckpoint {
  /** Progress of the evacuation. Present from its first step until the room is hidden. */
  readonly evacuation?: EvacuationProgress | undefined;
  /**
   * How many media have been deleted so far. Absent before the first step that deletes media, and if the input field `media` is
   * `keep`.
   */
  readonly media?: DeletionCounts | undefined;
}

/**
 * Deletes a room's data from the homeserver. Afterwards, only events of other rooms may still mention the room. The call hides
 * the room, so that nobody can use it, and a job deletes the room's data. With `evacuate`, the job hides the room after the
 * evacuation. If the job is cancelled or fails later, the room stays hidden, and another purge of the room continues the work.
 * Dendrite's route is `POST /_dendrite/admin/purgeRoom/{roomID}`. Unlike this operation, Dendrite leaves much of the data
 * behind.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 * @throws MatrixError `M_BAD_STATE` if `media` is not `keep` and the host provides no store of media files
 * @throws MatrixError 409 `M_BAD_STATE` if `onlyIfEmpty` is set and the room has local users
 */
export const purgeRoom = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
    /**
     * Whether local users first leave the room, reject invites and withdraw knocks. The job then waits for a limited time until
     * other servers have received these events, and hides the room. Dendrite never evacuates a room before a purge.
     * @defaultValue false
     */
    evacuate: z.boolean().default(false),
    /** Whether to block the room, so that local users cannot join it again. @defaultValue false */
    block: z.boolean().default(false),
    /** Why the room is blocked. @defaultValue no reason */
    reason: z.string().max(1_000).optional(),
    /**
     * Data to keep for users who join the room again. `aliases`: the room's local aliases. `account_data`: the users' tags,
     * `m.direct` entries and push rules for the room. `key_backups`: the keys of the room's messages in the users' key backups.
     * @defaultValue all data is deleted
     */
    keep: z.array(z.enum(KEEPABLE)).default([]),
    /** Whether to refuse the purge if a local user is in the room, is invited or is knocking. @defaultValue false */
    onlyIfEmpty: z.boolean().default(false),
    /**
     * What happens to the media that the room's events use. `keep`: all media stay. `unused`: the job deletes media to which
     * nothing outside of the room refers. `all`: the job deletes all media that the events use. @defaultValue `keep`
     */
    media: mediaChoiceInput,
    /** Whether to change nothing and only report what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ roomId }) => roomId,
  includes: ({ roomId, evacuate, block, reason, media, dryRun }) => [
    ...(evacuate ? [{ operation: 'evacuateRoom', input: { roomId, invites: true, knocks: true, dryRun } }] : []),
    ...(block ? [{ operation: 'blockRoom', input: { roomId, reason } }] : []),
    ...(media === 'keep' ? [] : [{ operation: 'deleteRoomMedia', input: { roomId, media, dryRun } }]),
  ],
  dedupeKey: ({ roomId }) => roomId,
  begin: async (scope, { roomId, evacuate, block, reason, keep, onlyIfEmpty, media }) => {
    const { transaction, afterCommit, actor, announce, localServerNames } = scope;
    requireChoice(scope, media);
    if (onlyIfEmpty) await requireEmpty(scope, roomId);
    const room = evacuate ? await requireRoomRow(transaction, roomId) : undefined;
    const departed = room === undefined ? await hideRoom(transaction, roomId, { keep, localServerNames }) : [];
    if (block) await insertBlockedRoom(transaction, { roomId, reason, blockedBy: nameOf(actor) });
    afterCommit(() => announce({ rooms: [roomId], users: departed }));
  },
  run: async (
    work: JobScope<Progress>,
    { roomId, evacuate, keep, media: choice },
  ): Promise<Purged & { readonly media?: DeletionCounts }> => {
    const { purged, media: before } = work.checkpoint ?? {};
    // If `purged` is stored, an earlier run of this job has finished the purge, but the process has crashed before it could end
    // the job.
    if (purged !== undefined) return { ...purged, ...(before && { media: before }) };
    if (evacuate) await evacuateFirst(work, roomId, keep);
    const media = choice === 'keep' ? undefined : await deleteMediaFirst(work, roomId, choice);
    const settings = { roomId, keep, search: work.roomRemoval, searchableTypes: SEARCHABLE_TYPES };
    const result = await purgeHiddenRoom({ ...work, commit: keeping(work, media) }, settings);
    return { ...result, ...(media && { media }) };
  },
});

/**
 * Deletes the media of the hidden room that `choice` selects. The job must do this before it deletes the room's events, because
 * the events say which media the room uses.
 */
function deleteMediaFirst(work: JobScope<Progress>, roomId: RoomId, choice: Deletable): Promise<DeletionCounts> {
  const keys = deletableMediaOfRoom(work, roomId, choice);
  return deleteAsPart(work, keys, work.checkpoint?.media ?? NOTHING_DELETED, (change) =>
    work.commit(async (transaction) => {
      const media = await change(transaction);
      return { checkpoint: { media }, phase: 'media', value: media };
    }),
  );
}

/** Returns a function that commits steps of `purgeHiddenRoom()`. It adds `media` to the checkpoint of each step. */
const keeping =
  (work: JobScope<Progress>, media: DeletionCounts | undefined): JobScope<PurgeCheckpoint>['commit'] =>
  (step) =>
    work.commit(async (transaction, afterCommit) => {
      const done = await step(transaction, afterCommit);
      return { ...done, checkpoint: { ...done.checkpoint, ...(media && { media }) } };
    });

/**
 * Checks that no local user is in the room, is invited or is knocking. Locks the room, so that nobody can join before the
 * transaction has ended.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room, 409 `M_BAD_STATE` if the room has local users
 */
async function requireEmpty({ transaction, localServerNames }: WriteScope, roomId: RoomId): Promise<void> {
  const { roomNid } = await requireRoomRow(transaction, roomId);
  const memberships = ['join', 'invite', 'knock'] as const;
  const members = await countMembers(transaction, roomNid, { memberships, serverNames: localServerNames });
  if (members > 0) throw new MatrixError('M_BAD_STATE', `The room has ${members} local users`, { status: 409 });
}

async function evacuateFirst(work: JobScope<Progress>, roomId: RoomId, keep: readonly Keepable[]): Promise<void> {
  const { checkpoint = {}, dryRun } = work;
  const room = await work.commit(async (transaction) => {
    const { latestEventNids } = await requireRoomRow(transaction, roomId);
    const isHidden = await isPurging(transaction, roomId);
    return { checkpoint, phase: 'leave', value: { isHidden, isStub: latestEventNids.length === 0 } };
  });
  if (room.isHidden) return;
  const { affected, failed } = room.isStub
    ? { affected: [] }
    : await evacuateMembers(
        { ...work, commit: committing(work) },
        { roomId, invites: true, knocks: true },
        checkpoint.evacuation,
      );
  const undelivered = dryRun ? [] : await awaitDelivery(work, roomId, work.limits.federationRequestMs);
  await work.commit(async (transaction, afterCommit) => {
    const evacuation = {
      evacuated: affected.length,
      ...(failed && { failed }),
      ...(undelivered.length > 0 && { undelivered }),
    };
    const { localServerNames } = work;
    const departed = await hideRoom(transaction, roomId, { keep, localServerNames, evacuation });
    afterCommit(() => work.announce({ rooms: [roomId], users: departed }));
    return { checkpoint: {}, phase: 'hide', value: undefined };
  });
}

/**
 * Returns a function that commits steps of `evacuateMembers()`. It stores the checkpoint of each step as `evacuation` in the
 * checkpoint of the purge.
 */
const committing =
  (work: JobScope<Progress>): JobScope<EvacuationProgress>['commit'] =>
  (step) =>
    work.commit(async (transaction, afterCommit) => {
      const { checkpoint: evacuation, ...done } = await step(transaction, afterCommit);
      return { ...done, checkpoint: { evacuation } };
    });
