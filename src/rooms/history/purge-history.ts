import type { Knex } from 'knex';
import { addCounts, type RowCounts } from '../../storage/deletion.ts';
import { deleteLostEvents, findQueueEntries } from '../../storage/federation/queue.ts';
import { forgetLeftoverState, forgetNeeded, hasLeftovers } from '../../storage/plugin/history-leftovers.ts';
import { findNewest, readNeeds, type WalkPosition } from '../../storage/syncapi/history-needs.ts';
import { deleteBrokenRelations } from '../../storage/syncapi/history-timeline.ts';
import { deleteLostNotifications, listLocalMembersEver } from '../../storage/userapi/history-notifications.ts';
import { deleteLeftovers, LEFTOVER_KINDS } from './delete-leftovers.ts';
import { createNeededLeftovers } from './needed-leftovers.ts';
import { type HistoryProgress, type HistoryWork, lockHistory, type PurgedRoom } from './purged-room.ts';
import { removeEvents } from './remove-events.ts';

/**
 * Target duration of a step that takes events out of the timeline, in ms. If a step took less than half of this time, the next
 * step takes twice as many events. If a step took longer than this time, the next step takes half as many. A step takes
 * `SMALLEST_STEP` to `LARGEST_STEP` events.
 */
const STEP_MS = 500;
const [SMALLEST_STEP, FIRST_STEP, LARGEST_STEP] = [100, 1_000, 16_000];
/** One step finds out for this many events of the remaining timeline which state snapshots and auth events they need. */
const WALKED = 10_000;
const RELATIONS = 10_000;
const USERS = 500;
const QUEUED = 1_000;

/**
 * Purges the history of a room before the position `room.point` of its timeline, in steps. Returns when the purge is done.
 * @param before the progress from which the purge continues
 * @returns the progress after the last step
 */
export async function purgeHistoryBefore(
  work: HistoryWork,
  room: PurgedRoom,
  before: HistoryProgress,
): Promise<HistoryProgress> {
  let progress = before;
  /**
   * Runs a step, takes over the changes of the progress that the step returns, and adds the number of deleted rows to the
   * progress.
   * @returns the `value` of the step
   */
  const step = <T>(
    phase: string,
    run: (transaction: Knex.Transaction) => Promise<Partial<HistoryProgress> & { readonly value: T }>,
  ): Promise<T> =>
    work.commit(async (transaction) => {
      const { value, ...changed } = await run(transaction);
      const next = { ...progress, ...changed, deleted: addCounts(progress.deleted, changed.deleted ?? {}) };
      progress = next;
      const total = Math.max(next.total, next.purged);
      return { checkpoint: next, phase, done: next.purged, total, value };
    });

  await removeTimeline(work, room, step, () => progress);
  await removeRelations(room, step);
  await removeNotifications(room, step);
  await removeState(room, step);
  await removeQueued(room, step);
  return progress;
}

type Step = <T>(
  phase: string,
  run: (transaction: Knex.Transaction) => Promise<Partial<HistoryProgress> & { readonly value: T }>,
) => Promise<T>;

async function removeTimeline(
  { removeDocuments }: HistoryWork,
  room: PurgedRoom,
  step: Step,
  progress: () => HistoryProgress,
): Promise<void> {
  let size = FIRST_STEP;
  for (let { after } = progress(); after !== undefined; { after } = progress()) {
    const from = after;
    const startedAt = performance.now();
    await step('timeline', async (transaction) => {
      await lockHistory(transaction, room.roomId);
      const { removed, deleted, next } = await removeEvents(transaction, room, removeDocuments, from, size);
      return { after: next, purged: progress().purged + removed, deleted, value: undefined };
    });
    const tookMs = performance.now() - startedAt;
    if (tookMs < STEP_MS / 2) size = Math.min(size * 2, LARGEST_STEP);
    else if (tookMs > STEP_MS) size = Math.max(Math.floor(size / 2), SMALLEST_STEP);
  }
}

/**
 * Deletes relations whose child event is no longer in the timeline. A relation connects a child event, such as a reaction, with
 * a parent event. The purge has already deleted the relations of parent events that it removed. So the relations that this
 * phase deletes have a parent that is still in the timeline, or a parent that was never stored.
 */
async function removeRelations({ roomId }: PurgedRoom, step: Step): Promise<void> {
  for (let after: readonly [string, string] | undefined = ['', '']; after !== undefined; ) {
    const from: readonly [string, string] = after;
    after = await step('relations', async (transaction) => {
      const { deleted, next } = await deleteBrokenRelations(transaction, roomId, from, RELATIONS);
      return { deleted, value: next };
    });
  }
}

async function removeNotifications({ roomId, localServerNames }: PurgedRoom, step: Step): Promise<void> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const from: string = after;
    after = await step('notifications', async (transaction) => {
      const userIds = await listLocalMembersEver(transaction, roomId, localServerNames, { after: from, limit: USERS });
      const deleted: RowCounts =
        userIds.length === 0 ? {} : await deleteLostNotifications(transaction, roomId, userIds);
      return { deleted, value: userIds.length < USERS ? undefined : userIds.at(-1) };
    });
  }
}

/**
 * Deletes events that have left the timeline but are still stored, state snapshots and state blocks. Does not delete what the
 * remaining timeline, the current state, a membership or an invite needs, and no events of local users if the purge keeps such
 * events.
 */
async function removeState(room: PurgedRoom, step: Step): Promise<void> {
  const { roomId, roomNid, deleteLocalEvents } = room;
  const needed = await step('state', async (transaction) => {
    const { stateSnapshotNid } = await lockHistory(transaction, roomId);
    if (!(await hasLeftovers(transaction, roomNid, deleteLocalEvents))) return { value: undefined };
    await forgetNeeded(transaction, roomNid);
    const leftovers = createNeededLeftovers(room, await findNewest(transaction, roomId));
    await leftovers.mark(transaction, { snapshotNids: [stateSnapshotNid], authEventNids: [] });
    return { value: leftovers };
  });
  if (needed === undefined) return;
  for (let position: WalkPosition | undefined = [0, 0]; position !== undefined; ) {
    const from: WalkPosition = position;
    position = await step('state', async (transaction) => {
      const { next, ...needs } = await readNeeds(transaction, roomId, from, WALKED);
      await needed.mark(transaction, needs);
      return { value: next };
    });
  }
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after;
    after = await step('state', async (transaction) => ({ value: await needed.markNamed(transaction, from) }));
  }
  for (const kind of LEFTOVER_KINDS) {
    for (let hasMore = true; hasMore; ) {
      hasMore = await step('state', async (transaction) => {
        await lockHistory(transaction, roomId);
        await needed.markNew(transaction);
        const result = await deleteLeftovers(transaction, room, kind, FIRST_STEP);
        return { deleted: result.deleted, value: result.hasMore };
      });
    }
  }
  await step('state', async (transaction) => {
    await forgetLeftoverState(transaction, roomNid);
    return { value: undefined };
  });
}

/** Deletes from the federation queue those events of the room that are no longer stored. */
async function removeQueued({ roomId }: PurgedRoom, step: Step): Promise<void> {
  let waiting = await step('federation queue', async (transaction) => ({
    value: (await findQueueEntries(transaction, roomId, 0)).nids,
  }));
  while (waiting.length > 0) {
    const batch = waiting.slice(0, QUEUED);
    waiting = waiting.slice(QUEUED);
    await step('federation queue', async (transaction) => ({
      deleted: await deleteLostEvents(transaction, batch),
      value: undefined,
    }));
  }
}
