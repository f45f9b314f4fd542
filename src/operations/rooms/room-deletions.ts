import type { Knex } from 'knex';
import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { RoomId } from '../../ids.ts';
import { isFinished, type Job } from '../../jobs/job.ts';
import { type JobItems, storedItems } from '../../jobs/job-items.ts';
import type { Db } from '../../storage/database.ts';
import { findJob, readJobs } from '../../storage/plugin/jobs.ts';
import type { AfterCommit } from '../../storage/transact.ts';
import { defineOperation, type OperationWork } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import type { EvacuationProgress } from './evacuate-members.ts';
import { roomIdInput } from './room-id-input.ts';

/** Most users that a result names. Further ones are only counted. */
const MAX_NAMED_USERS = 10_000;

/** The outcome for a room's users. Its fields are those of Synapse. */
export interface RoomShutdown {
  /** Local users who have left, given up an invite or taken back a knock. */
  readonly kickedUsers: readonly string[];
  /** Number of users, if not all are named. */
  readonly kickedUsersTotal?: number;
  readonly failedToKickUsers: readonly string[];
  /** Those that were moved to the new room. */
  readonly localAliases: readonly string[];
  readonly newRoomId: RoomId | null;
  /** Servers that had not heard of all leaves when the room was purged. They never will. */
  readonly undelivered?: readonly string[];
}

/** The checkpoint of a deletion's job. */
export interface DeletionProgress {
  readonly newRoomId?: RoomId;
  readonly evacuation?: EvacuationProgress | undefined;
  /** Number of users who have been moved to the new room. */
  readonly moved?: number;
  readonly aliases?: readonly string[];
  /** The outcome, once all users have left. */
  readonly shutdown?: RoomShutdown;
}

/** A deletion as Synapse shows it. */
export interface RoomDeletion {
  readonly deleteId: string;
  readonly roomId: RoomId;
  readonly status: 'scheduled' | 'active' | 'complete' | 'failed';
  /** `null` before the first user has left, and of a deletion that has failed. */
  readonly shutdownRoom: RoomShutdown | null;
  readonly error?: string;
}

/** The outcome for the users, in the order of joining. @param items items of the deletion's job: users who have left */
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
async function viewDeletion(db: Db, job: Job): Promise<RoomDeletion> {
  // The job's input, checkpoint and result are those of `deleteRoom`.
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

/** Shows the progress of a deletion. Synapse: `GET /_synapse/admin/v2/rooms/delete_status/{deleteId}`. */
export const getRoomDeletion = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The id of its job. */
    deleteId: z.string(),
  }),
  run: async ({ db }, { deleteId }): Promise<RoomDeletion> => {
    const job = z.uuid().safeParse(deleteId).success ? await findJob(db, deleteId) : undefined;
    if (job?.kind !== 'deleteRoom') throw new MatrixError('M_NOT_FOUND', `delete id '${deleteId}' not found`);
    return viewDeletion(db, job);
  },
});

/** Most deletions that are listed, newest first. */
const MAX_DELETIONS = 100;

/**
 * Lists deletions of a room, oldest first, as long as their jobs are kept.
 * Synapse: `GET /_synapse/admin/v2/rooms/{roomId}/delete_status`.
 */
export const listRoomDeletions = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
  }),
  run: async ({ db }, { roomId }): Promise<RoomDeletion[]> => {
    const jobs = await readJobs(db, { kind: 'deleteRoom', target: roomId }, MAX_DELETIONS, undefined);
    if (jobs.length === 0) throw new MatrixError('M_NOT_FOUND', `No delete task for room_id '${roomId}' found`);
    return Promise.all(jobs.reverse().map((job) => viewDeletion(db, job)));
  },
});

/** What is kept between the steps of a deletion's job, and the ways to change it. */
export interface TrackedDeletion {
  readonly progress: () => DeletionProgress;
  /** A step that says what it has changed. */
  readonly step: <T>(
    phase: string,
    step: (
      transaction: Knex.Transaction,
      afterCommit: AfterCommit,
    ) => Promise<readonly [changed: DeletionProgress, value: T]>,
  ) => Promise<T>;
  /** For steps of another operation: what the checkpoint of such a step is in ours. */
  readonly commit: <Part extends object>(
    changedBy: (checkpoint: Part) => DeletionProgress,
  ) => OperationWork<Part>['commit'];
}

/** Goes on from the checkpoint of the job. */
export function trackDeletion(work: OperationWork<DeletionProgress>): TrackedDeletion {
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
