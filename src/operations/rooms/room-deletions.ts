import type { Knex } from 'knex';
import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { RoomId } from '../../ids.ts';
import { isFinished, type Job } from '../../jobs/job.ts';
import { type JobItems, storedItems } from '../../jobs/job-items.ts';
import type { Db } from '../../storage/database.ts';
import { findJob, readJobs } from '../../storage/plugin/jobs.ts';
import type { AfterCommit } from '../../storage/transact.ts';
import { defineOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import type { DeletionCounts } from '../media/deleted-media.ts';
import type { EvacuationProgress } from './evacuate-members.ts';
import { roomIdInput } from './room-id-input.ts';

/** Maximum number of users that `kickedUsers` lists. If more users have left, `kickedUsersTotal` has their number. */
const MAX_NAMED_USERS = 10_000;

/**
 * What a call of `deleteRoom` has done. `kickedUsers`, `failedToKickUsers`, `localAliases` and `newRoomId` are Synapse's
 * fields, in camel case.
 */
export interface RoomShutdown {
  /** Local users who have left, rejected an invite or withdrawn a knock, at most 10,000. */
  readonly kickedUsers: readonly string[];
  /** Number of users who have left. Absent if `kickedUsers` lists all of them. */
  readonly kickedUsersTotal?: number;
  readonly failedToKickUsers: readonly string[];
  /** Local aliases that were moved to the new room. */
  readonly localAliases: readonly string[];
  readonly newRoomId: RoomId | null;
  /** How many media were deleted. Absent if no media were to be deleted, and before the deletion has ended. */
  readonly media?: DeletionCounts;
  /** Servers that had not received all leave events when the room was purged. These servers will never receive the events. */
  readonly undelivered?: readonly string[];
}

/** The checkpoint of `deleteRoom`. @internal */
export interface DeletionProgress {
  readonly newRoomId?: RoomId;
  readonly evacuation?: EvacuationProgress | undefined;
  /** Number of users who have joined the new room. */
  readonly moved?: number;
  readonly aliases?: readonly string[];
  /** How many media have been deleted. Absent before the first step that deletes media. */
  readonly media?: DeletionCounts;
  /** What the deletion has done with the users. Absent until all users have left and the room is hidden or forgotten. */
  readonly shutdown?: RoomShutdown;
}

/** How far a call of `deleteRoom` is, in Synapse's format. */
export interface RoomDeletion {
  readonly deleteId: string;
  readonly roomId: RoomId;
  readonly status: 'scheduled' | 'active' | 'complete' | 'failed';
  /**
   * What the deletion has done with the users so far. `null` before the first user has left, and if the deletion has failed or
   * was cancelled.
   */
  readonly shutdownRoom: RoomShutdown | null;
  readonly error?: string;
}

/**
 * Returns what the deletion has done with the users so far.
 * @param items the users who have left
 * @param undelivered the servers that have not received all leave events
 */
export async function shutdownOf(
  { newRoomId, aliases = [], evacuation }: DeletionProgress,
  items: JobItems,
  db: Db,
  undelivered: readonly string[],
): Promise<RoomShutdown> {
  const { left: total = 0, failed = [] } = evacuation ?? {};
  return {
    kickedUsers: await items.list(db, MAX_NAMED_USERS),
    ...(total > MAX_NAMED_USERS && { kickedUsersTotal: total }),
    failedToKickUsers: failed.map(({ id }) => id),
    localAliases: aliases,
    newRoomId: newRoomId ?? null,
    ...(undelivered.length > 0 && { undelivered }),
  };
}

/** Returns how far a call of `deleteRoom` is. `job` is the job of the call. */
export async function viewDeletion(db: Db, job: Job): Promise<RoomDeletion> {
  // The type casts are safe, because `deleteRoom` has written the job's input, checkpoint and result.
  const { roomId } = job.input as { readonly roomId: RoomId };
  const progress = (job.checkpoint ?? {}) as DeletionProgress;
  const ended = (job.result as RoomShutdown | undefined) ?? progress.shutdown;
  const running = async (): Promise<RoomShutdown | null> =>
    progress.evacuation === undefined ? null : shutdownOf(progress, storedItems(job.id), db, []);
  const shutdown = ended ?? (await running());
  const error = job.error ?? (job.state === 'cancelled' ? 'cancelled' : undefined);
  return {
    deleteId: job.id,
    roomId: roomId,
    status: statusOf(job),
    shutdownRoom: shutdown,
    ...(isFinished(job) && error !== undefined && { error }),
  };
}

function statusOf({ state, attempts }: Job): RoomDeletion['status'] {
  if (state === 'succeeded') return 'complete';
  if (state === 'failed' || state === 'cancelled') return 'failed';
  return attempts === 0 ? 'scheduled' : 'active';
}

/**
 * Shows how far a call of `deleteRoom` is. Synapse's route is `GET /_synapse/admin/v2/rooms/delete_status/{deleteId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such deletion
 */
export const getRoomDeletion = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The id of the deletion, which is the id of its job. */
    deleteId: z.string(),
  }),
  run: async ({ db }, { deleteId }): Promise<RoomDeletion> => {
    const job = z.uuid().safeParse(deleteId).success ? await findJob(db, deleteId) : undefined;
    if (job?.kind !== 'deleteRoom') throw new MatrixError('M_NOT_FOUND', `delete id '${deleteId}' not found`);
    return viewDeletion(db, job);
  },
});

/** Maximum number of deletions in the list. Older deletions are left out. */
const MAX_DELETIONS = 100;

/**
 * Lists the newest 100 calls of `deleteRoom` for a room, oldest first. A call is on the list as long as its job is stored.
 * Synapse's route is `GET /_synapse/admin/v2/rooms/{roomId}/delete_status`.
 * @throws MatrixError `M_NOT_FOUND` if the list is empty
 */
export const listRoomDeletions = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
  }),
  run: async ({ db }, { roomId }): Promise<RoomDeletion[]> => {
    const jobs = await readJobs(db, { kind: 'deleteRoom', target: roomId }, { limit: MAX_DELETIONS });
    if (jobs.length === 0) throw new MatrixError('M_NOT_FOUND', `No delete task for room_id '${roomId}' found`);
    return Promise.all(jobs.reverse().map((job) => viewDeletion(db, job)));
  },
});

/** The current checkpoint of `deleteRoom`, with functions that commit steps and change the checkpoint. @internal */
export interface TrackedDeletion {
  readonly progress: () => DeletionProgress;
  /** Runs a step in a transaction. The step returns the changed fields of the checkpoint, and its own result. */
  readonly step: <T>(
    phase: string,
    step: (
      transaction: Knex.Transaction,
      afterCommit: AfterCommit,
    ) => Promise<readonly [changed: DeletionProgress, value: T]>,
  ) => Promise<T>;
  /**
   * Makes a `commit` function for other code that runs as a part of `deleteRoom` and has a checkpoint of its own.
   * @param changedBy converts the checkpoint of the other code to changed fields of the deletion's checkpoint
   */
  readonly commit: <Part extends object>(changedBy: (checkpoint: Part) => DeletionProgress) => JobScope<Part>['commit'];
}

/** Keeps the checkpoint of a deletion up to date. Starts with the checkpoint that the job has stored. */
export function trackDeletion(work: JobScope<DeletionProgress>): TrackedDeletion {
  let progress = work.checkpoint ?? {};
  const commit: TrackedDeletion['commit'] = (changedBy) => (step) =>
    work.commit(async (transaction, afterCommit) => {
      const done = await step(transaction, afterCommit);
      progress = { ...progress, ...changedBy(done.checkpoint) };
      return { ...done, checkpoint: progress };
    });
  return {
    progress: () => progress,
    commit,
    step: (phase, step) =>
      commit((changed: DeletionProgress) => changed)(async (transaction, afterCommit) => {
        const [changed, value] = await step(transaction, afterCommit);
        return { checkpoint: changed, phase, value };
      }),
  };
}
