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

/** Maximum number of users that a result lists. The result of a deletion with more users also has their total number. */
const MAX_NAMED_USERS = 10_000;

/** What a deletion has done with the users of the room. The fields have Synapse's names, in camel case. */
export interface RoomShutdown {
  /** Local users who have left, rejected an invite or withdrawn a knock. */
  readonly kickedUsers: readonly string[];
  /** Number of users who have left. Absent if `kickedUsers` lists all of them. */
  readonly kickedUsersTotal?: number;
  readonly failedToKickUsers: readonly string[];
  /** Local aliases that were moved to the new room. */
  readonly localAliases: readonly string[];
  readonly newRoomId: RoomId | null;
  /** Media that were deleted. Absent if media are kept. */
  readonly media?: DeletionCounts;
  /** Servers that had not received all leave events when the room was purged. These servers will never receive the events. */
  readonly undelivered?: readonly string[];
}

/** The checkpoint of a deletion's job. */
export interface DeletionProgress {
  readonly newRoomId?: RoomId;
  readonly evacuation?: EvacuationProgress | undefined;
  /** Number of users who have joined the new room. */
  readonly moved?: number;
  readonly aliases?: readonly string[];
  /** Media that have been deleted. Absent if media are kept. */
  readonly media?: DeletionCounts;
  /** What the deletion has done with the users. Absent until all users have left. */
  readonly shutdown?: RoomShutdown;
}

/** The progress of a deletion, in Synapse's format. */
export interface RoomDeletion {
  readonly deleteId: string;
  readonly roomId: RoomId;
  readonly status: 'scheduled' | 'active' | 'complete' | 'failed';
  /**
   * What the deletion has done with the users so far. `null` before the first user has left, and if the deletion has failed.
   */
  readonly shutdownRoom: RoomShutdown | null;
  readonly error?: string;
}

/**
 * Returns what the deletion has done with the users so far.
 * @param items the users who have left, which are the items of the deletion's job
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

/** Reads a deletion from its job. */
export async function viewDeletion(db: Db, job: Job): Promise<RoomDeletion> {
  // The casts are correct, because `deleteRoom` has written the job's input, checkpoint and result.
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
 * Shows the progress of a deletion. Synapse's route is `GET /_synapse/admin/v2/rooms/delete_status/{deleteId}`.
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
 * Lists the newest 100 deletions of a room, oldest first. A deletion is listed as long as its job is stored. Synapse's route is
 * `GET /_synapse/admin/v2/rooms/{roomId}/delete_status`.
 * @throws MatrixError `M_NOT_FOUND` if the room has no deletions
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

/** The progress of a deletion's job, with functions that commit steps and change the progress. */
export interface TrackedDeletion {
  readonly progress: () => DeletionProgress;
  /** Runs a step in a transaction. The step returns the changed parts of the progress, and its own result. */
  readonly step: <T>(
    phase: string,
    step: (
      transaction: Knex.Transaction,
      afterCommit: AfterCommit,
    ) => Promise<readonly [changed: DeletionProgress, value: T]>,
  ) => Promise<T>;
  /**
   * Makes a `commit` function for the steps of another operation.
   * @param changedBy converts the checkpoint of the other operation to changes of the deletion's progress
   */
  readonly commit: <Part extends object>(changedBy: (checkpoint: Part) => DeletionProgress) => JobScope<Part>['commit'];
}

/** Tracks the progress of a deletion. Starts with the progress in the job's checkpoint. */
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
