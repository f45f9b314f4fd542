import type { RoomId } from '../ids.ts';
import { isFinished, type Job } from '../jobs/job.ts';
import { type JobItems, storedItems } from '../jobs/job-items.ts';
import type { Db } from '../storage/database.ts';
import type { EvacuationProgress } from './evacuate-room.ts';

/** More users are counted, but not named. */
const MAX_NAMED_USERS = 10_000;

/** What has become of the users of a room, with Synapse's names. */
export interface RoomShutdown {
  /** Local users who have left, given up an invite or taken back a knock. */
  readonly kicked_users: readonly string[];
  /** How many there were, where not all are named. */
  readonly kicked_users_total?: number;
  readonly failed_to_kick_users: readonly string[];
  /** Those that were moved to the new room. */
  readonly local_aliases: readonly string[];
  readonly new_room_id: RoomId | null;
  /** Servers that had not been told of all leaves when the room was purged, and will not be. */
  readonly undelivered?: readonly string[];
}

/** What a deletion's job keeps between steps. */
export interface DeletionProgress {
  readonly newRoomId?: RoomId;
  readonly evacuation?: EvacuationProgress | undefined;
  /** How many of those who have left have been taken to the new room. */
  readonly moved?: number;
  readonly aliases?: readonly string[];
  /** Of the users when all have left. */
  readonly shutdown?: RoomShutdown;
}

/** A deletion as Synapse shows it. */
export interface RoomDeletion {
  readonly delete_id: string;
  readonly room_id: RoomId;
  readonly status: 'scheduled' | 'active' | 'complete' | 'failed';
  /** `null` before the first user has left, and of a deletion that has failed. */
  readonly shutdown_room: RoomShutdown | null;
  readonly error?: string;
}

/** What has become of the users, in the order in which they had joined. @param items of the deletion's job: those who have left */
export async function shutdownOf(
  { newRoomId, aliases = [], evacuation }: DeletionProgress,
  items: JobItems,
  db: Db,
  undelivered: readonly string[],
): Promise<RoomShutdown> {
  const { left: total = 0, failed = [] } = evacuation ?? {};
  return {
    kicked_users: await items.list(db, MAX_NAMED_USERS),
    ...(total > MAX_NAMED_USERS && { kicked_users_total: total }),
    failed_to_kick_users: failed.map(({ id }) => id),
    local_aliases: aliases,
    new_room_id: newRoomId ?? null,
    ...(undelivered.length > 0 && { undelivered }),
  };
}

/** A deletion by its job. */
export async function viewDeletion(db: Db, job: Job): Promise<RoomDeletion> {
  // The job's input, checkpoint and result are those of `deleteRoom`.
  const { roomId } = job.input as { readonly roomId: RoomId };
  const progress = (job.checkpoint ?? {}) as DeletionProgress;
  const ended = (job.result as RoomShutdown | undefined) ?? progress.shutdown;
  const running = async (): Promise<RoomShutdown | null> =>
    progress.evacuation === undefined ? null : shutdownOf(progress, storedItems(job.id), db, []);
  const shutdown = ended ?? (await running());
  const error = job.error ?? (job.state === 'cancelled' ? 'cancelled' : undefined);
  return {
    delete_id: job.id,
    room_id: roomId,
    status: statusOf(job),
    shutdown_room: shutdown,
    ...(isFinished(job) && error !== undefined && { error }),
  };
}

function statusOf({ state, attempts }: Job): RoomDeletion['status'] {
  if (state === 'succeeded') return 'complete';
  if (state === 'failed' || state === 'cancelled') return 'failed';
  return attempts === 0 ? 'scheduled' : 'active';
}
