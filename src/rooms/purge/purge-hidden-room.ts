import type { Knex } from 'knex';
import { MatrixError } from '../../errors.ts';
import type { JobStep } from '../../jobs/job.ts';
import { addCounts, type RowCounts } from '../../storage/deletion.ts';
import {
  deletePurge,
  type PurgeEvacuation,
  type PurgeProgress,
  readPurge,
  updatePurge,
} from '../../storage/plugin/purges.ts';
import { deleteLateRows, deleteSeenRows } from '../../storage/room-tables.ts';
import { deleteRoomRow } from '../../storage/roomserver/purge-room.ts';
import { deleteAccountDataTypes } from '../../storage/syncapi/account-data-types.ts';
import type { AfterCommit } from '../../storage/transact.ts';
import type { Announce } from '../announce.ts';
import { requireRoomRow } from './hide-room.ts';
import { PHASES, type Phase, type PurgedRoom } from './purge-phases.ts';

/** What the job that runs a purge provides to it. */
export interface PurgeWork {
  readonly signal: AbortSignal;
  /** Whether the job rolls back all steps at the end. Then the purge changes nothing outside the transactions of its steps. */
  readonly dryRun: boolean;
  readonly announce: Announce;
  /** Runs a step in a transaction that also stores the checkpoint of the job. */
  readonly commit: <T>(
    step: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<JobStep<T, PurgeCheckpoint>>,
  ) => Promise<T>;
}

/** The result of a purge. */
export interface Purged extends Partial<PurgeEvacuation> {
  /** Number of rows that the purge has deleted, or whose content it has changed, by table. */
  readonly deleted: RowCounts;
}

/**
 * The checkpoint that each step stores with the job. It only shows progress. A resumed purge does not read the checkpoint, but
 * continues at the position that the plugin's table of purges contains.
 */
export interface PurgeCheckpoint {
  /** Index of the current phase in `PHASES`. */
  readonly phase?: number;
  /** Number of rows that have been deleted or changed. */
  readonly rows?: number;
  /**
   * The result of the purge. Only the last step sets it. After the last step, the room no longer exists, so nothing else shows
   * that the purge has ended.
   */
  readonly purged?: Purged;
}

type PurgeSettings = Pick<PurgedRoom, 'roomId' | 'keep' | 'search' | 'searchableTypes'>;

const FIRST_STEP = 25_000;
const SMALLEST_STEP = 1_000;
/**
 * Maximum size of a step, in rows. It limits the memory that a step uses, and the duration of a step: quick steps that find no
 * rows of the room double the size several times, and the next step may then find many rows.
 */
const LARGEST_STEP = 100_000;
/**
 * Target duration of a step, in ms. The size of the next step doubles if a step took less than half of this time. The size
 * halves if a step took more than twice this time. It stays between `SMALLEST_STEP` and `LARGEST_STEP`.
 */
const STEP_MS = 1_500;

/**
 * Deletes the data that is still stored of a room that `hideRoom()` has hidden. Continues where an earlier call stopped.
 * @returns the result of the whole purge, including earlier calls
 * @throws MatrixError `M_NOT_FOUND` if the homeserver does not know the room, `M_BAD_STATE` if the room is not being purged
 */
export async function purgeHiddenRoom(work: PurgeWork, settings: PurgeSettings): Promise<Purged> {
  const { room, found } = await work.commit(async (transaction) => {
    const keys = await requireRoomRow(transaction, settings.roomId);
    const purge = await readPurge(transaction, settings.roomId);
    if (purge === undefined) throw new MatrixError('M_BAD_STATE', 'the room is not being purged');
    return stepOf(purge, { room: { ...settings, ...keys, events: purge.events }, found: purge });
  });
  let progress = found;
  for (let phase = PHASES[progress.phase]; phase !== undefined; phase = PHASES[progress.phase]) {
    progress = await runPhase(work, room, phase, progress);
  }
  return finish(work, room, progress);
}

/** Runs all steps of a phase. @returns the progress after the last step */
async function runPhase(
  work: PurgeWork,
  room: PurgedRoom,
  phase: Phase,
  before: PurgeProgress,
): Promise<PurgeProgress> {
  if (!work.dryRun) await phase.before?.(room, work.signal);
  let progress = before;
  let size = FIRST_STEP;
  while (progress.phase === before.phase) {
    work.signal.throwIfAborted();
    const startedAt = performance.now();
    progress = await runStep(work, room, phase, progress, size);
    const tookMs = performance.now() - startedAt;
    if (tookMs < STEP_MS / 2) size = Math.min(size * 2, LARGEST_STEP);
    else if (tookMs > STEP_MS * 2) size = Math.max(Math.floor(size / 2), SMALLEST_STEP);
  }
  return progress;
}

function runStep(
  { commit, announce }: PurgeWork,
  room: PurgedRoom,
  phase: Phase,
  before: PurgeProgress,
  size: number,
): Promise<PurgeProgress> {
  return commit(async (transaction, afterCommit) => {
    const step = await phase.step(transaction, room, before.position, size);
    const progress = {
      ...before,
      phase: step.next === undefined ? before.phase + 1 : before.phase,
      position: step.next ?? [],
      deleted: addCounts(before.deleted, step.deleted),
    };
    await updatePurge(transaction, room.roomId, progress);
    const users = step.changedUsers ?? [];
    if (users.length > 0) afterCommit(() => announce({ users }));
    return stepOf(progress, progress);
  });
}

/**
 * Runs the last step of the purge. It deletes the rows that the homeserver has added during the purge, the row of the purge,
 * and the room's own row. After the commit, users may join the room again.
 */
function finish({ commit, announce }: PurgeWork, room: PurgedRoom, progress: PurgeProgress): Promise<Purged> {
  const { roomId, keep } = room;
  return commit(async (transaction, afterCommit) => {
    await requireRoomRow(transaction, roomId);
    const late = [
      await deleteSeenRows(transaction, room, { keepAliases: keep.includes('aliases') }),
      await deleteLateRows(transaction, room),
      keep.includes('account_data') ? {} : await deleteAccountDataTypes(transaction, room),
      await deleteRoomRow(transaction, room),
    ];
    await deletePurge(transaction, roomId);
    afterCommit(() => announce({ rooms: [roomId] }));
    const purged: Purged = { deleted: late.reduce(addCounts, progress.deleted), ...progress.evacuation };
    return { ...stepOf(progress, purged), checkpoint: { purged } };
  });
}

/**
 * Combines the value that a step returns with the progress that the job shows. In `done` and `total`, each event counts twice,
 * because Dendrite's roomserver and sync API each have a row for the event.
 */
function stepOf<T>({ phase, deleted, events }: PurgeProgress, value: T): JobStep<T, PurgeCheckpoint> {
  const counted = (deleted.roomserver_events ?? 0) + (deleted.syncapi_output_room_events ?? 0);
  const rows = Object.values(deleted).reduce((sum, count) => sum + count, 0);
  return {
    checkpoint: { phase, rows },
    phase: PHASES[phase]?.name ?? 'end',
    done: counted,
    total: Math.max(2 * events, counted),
    value,
  };
}
