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
import { awaitDelivery } from './await-delivery.ts';
import { type EvacuationProgress, evacuateMembers } from './evacuate-members.ts';
import { roomIdInput } from './room-id-input.ts';

/** The checkpoint of a purge's job. */
interface Progress extends PurgeCheckpoint {
  /** Progress of the evacuation before the purge. Absent after the room was hidden. */
  readonly evacuation?: EvacuationProgress | undefined;
}

/**
 * Deletes a room's data from the homeserver. Afterwards, only events of other rooms may still mention the room. The job first
 * hides the room and then deletes its data. If the job is cancelled or fails, the room stays hidden, and another purge of the
 * room continues the work. Dendrite's route is `POST /_dendrite/admin/purgeRoom/{roomID}`. It leaves much of the data behind.
 */
export const purgeRoom = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
    /**
     * Whether local users first leave the room, reject invites to it and withdraw knocks. The purge then waits for a limited
     * time until other servers have received these events, and hides the room. Dendrite never does this. @defaultValue false
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
    /**
     * Whether to refuse the purge if a local user is in the room, is invited to it or is knocking at it. @defaultValue false
     */
    onlyIfEmpty: z.boolean().default(false),
    /** Only reports what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ roomId }) => roomId,
  includes: ({ roomId, evacuate, block, reason, dryRun }) => [
    ...(evacuate ? [{ operation: 'evacuateRoom', input: { roomId, invites: true, knocks: true, dryRun } }] : []),
    ...(block ? [{ operation: 'blockRoom', input: { roomId, reason } }] : []),
  ],
  dedupeKey: ({ roomId }) => roomId,
  begin: async (scope, { roomId, evacuate, block, reason, keep, onlyIfEmpty }) => {
    const { transaction, afterCommit, actor, announce } = scope;
    if (onlyIfEmpty) await requireEmpty(scope, roomId);
    if (evacuate) await requireRoomRow(transaction, roomId);
    else await hideRoom(transaction, roomId, keep);
    if (block) await insertBlockedRoom(transaction, { roomId, reason, blockedBy: nameOf(actor) });
    afterCommit(() => announce({ rooms: [roomId] }));
  },
  run: async (
    work: JobScope<Progress>,
    { roomId, evacuate, keep },
  ): Promise<Purged & { readonly dryRun?: boolean }> => {
    // An earlier run has finished the purge and stored `purged`, but died before it could end the job.
    if (work.checkpoint?.purged !== undefined) return work.checkpoint.purged;
    if (evacuate) await evacuateFirst(work, roomId, keep);
    return purgeHiddenRoom(work, { roomId, keep, search: work.roomRemoval, searchableTypes: SEARCHABLE_TYPES });
  },
});

/**
 * Locks the room, so that nobody can join.
 * @throws MatrixError `M_BAD_STATE` if a local user is in the room, is invited to it or is knocking at it
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
    await hideRoom(transaction, roomId, keep, evacuation);
    afterCommit(() => work.announce({ rooms: [roomId] }));
    return { checkpoint: {}, phase: 'hide', value: undefined };
  });
}

/**
 * Returns a function that commits steps of the evacuation. It stores the evacuation's checkpoint in the member `evacuation` of
 * the purge's checkpoint.
 */
const committing =
  (work: JobScope<Progress>): JobScope<EvacuationProgress>['commit'] =>
  (step) =>
    work.commit(async (transaction, afterCommit) => {
      const { checkpoint: evacuation, ...done } = await step(transaction, afterCommit);
      return { ...done, checkpoint: { evacuation } };
    });
