import { z } from 'zod';
import { describeError, MatrixError } from '../../errors.ts';
import type { RoomId } from '../../ids.ts';
import { noteAbandonedRooms, readAbandonedRooms } from '../../storage/plugin/abandoned-rooms.ts';
import { defineJobOperation, defineOperation, type JobScope, type OperationServices } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import type { Failure } from './evacuate-members.ts';

/** The value of `options.rooms.purgeAbandoned`. @internal */
export interface AbandonedRoomPolicy {
  /** Minimum time between the record that a room has no local users and the purge of the room, in ms. */
  readonly afterMs: number;
  /** Ids of rooms that are never purged. */
  readonly keep: readonly string[];
  /** Maximum number of rooms that one run of `purgeAbandonedRooms` purges. */
  readonly atMost: number;
  /** Whether `purgeAbandonedRooms` only records rooms and purges none. */
  readonly dryRun: boolean;
}

/** A room without local users. Times are in ms since the epoch. */
export interface AbandonedRoomView {
  readonly roomId: RoomId;
  /**
   * When a run of `purgeAbandonedRooms` first found the room without local users. The plugin starts a run each day, and
   * administrators can start one too. `null` if no run has found the room yet.
   */
  readonly sinceTs: number | null;
  /**
   * The earliest time at which the room may be purged. `null` if no run has found the room yet, or if the options do not allow
   * a purge of the room.
   */
  readonly purgeTs: number | null;
}

/**
 * Lists rooms in which no local user has joined, is invited or is knocking. Shows when the daily run of `purgeAbandonedRooms`
 * may purge each room.
 */
export const listAbandonedRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Maximum number of rooms on the page. @defaultValue 100 */
    limit: z.int().min(1).max(1_000).default(100),
    /** `nextToken` of the previous page. @defaultValue 0 */
    from: z.int().min(0).default(0),
  }),
  run: async (
    { db, localServerNames, purgeAbandoned },
    { limit, from },
  ): Promise<{ rooms: AbandonedRoomView[]; nextToken: number | undefined }> => {
    const found = await readAbandonedRooms(db, localServerNames, { after: from, limit: limit + 1 });
    const page = found.slice(0, limit);
    const purgeAt = (roomId: RoomId, since: number | undefined): number | null => {
      if (purgeAbandoned === undefined || purgeAbandoned.dryRun || purgeAbandoned.keep.includes(roomId)) return null;
      return since === undefined ? null : since + purgeAbandoned.afterMs;
    };
    return {
      rooms: page.map(({ roomId, since }) => ({ roomId, sinceTs: since ?? null, purgeTs: purgeAt(roomId, since) })),
      nextToken: found.length > limit ? page.at(-1)?.roomNid : undefined,
    };
  },
});

/** The result of one run of `purgeAbandonedRooms`. */
export interface AbandonedRoomsPurge {
  /**
   * Number of rooms that this run has recorded. A run records a room if it is the first run that finds the room without local
   * users.
   */
  readonly announced: number;
  /** Ids of the rooms that were purged. In a dry run, ids of the rooms that would be purged. */
  readonly purged: readonly RoomId[];
  /** Rooms that were not purged, and the reasons. For example, a hook may have refused the purge. */
  readonly failed?: readonly Failure[];
}

interface Progress extends AbandonedRoomsPurge {
  /** The rooms that are still to be purged. */
  readonly due: readonly RoomId[];
  readonly failed: readonly Failure[];
}

function requirePolicy({ purgeAbandoned }: Pick<OperationServices, 'purgeAbandoned'>): AbandonedRoomPolicy {
  if (purgeAbandoned !== undefined) return purgeAbandoned;
  throw new MatrixError('M_BAD_STATE', 'options.rooms.purgeAbandoned is not set');
}

/**
 * Records rooms without local users. Then purges rooms that were recorded at least `afterMs` ago, at most `atMost` rooms and
 * none in `keep`. These options are members of `options.rooms.purgeAbandoned`. If this object is set, the plugin runs the
 * operation once a day.
 * @throws MatrixError `M_BAD_STATE` if `options.rooms.purgeAbandoned` is not set
 */
export const purgeAbandonedRooms = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /**
     * Whether to only report what would happen. The records are then rolled back too, unlike with the option `dryRun`.
     * @defaultValue false
     */
    dryRun: z.boolean().default(false),
  }),
  dedupeKey: () => '',
  begin: async (scope) => {
    requirePolicy(scope);
  },
  isServed: ({ purgeAbandoned }) => purgeAbandoned !== undefined,
  run: async (work: JobScope<Progress>): Promise<AbandonedRoomsPurge> => {
    const policy = requirePolicy(work);
    let progress = work.checkpoint ?? (await look(work, policy));
    if (policy.dryRun || work.dryRun) return { announced: progress.announced, purged: progress.due };
    // The host may have changed `keep` since an earlier process chose the rooms.
    const due = progress.due.filter((roomId) => !policy.keep.includes(roomId));
    for (const [n, roomId] of due.entries()) {
      const reason = await purge(work, roomId);
      const { announced, purged, failed } = progress;
      const checkpoint: Progress = {
        announced,
        due: due.slice(n + 1),
        purged: reason === undefined ? [...purged, roomId] : purged,
        failed: reason === undefined ? failed : [...failed, { id: roomId, reason }],
      };
      const done = purged.length + failed.length + 1;
      const total = done + checkpoint.due.length;
      await work.commit(async () => ({ checkpoint, phase: 'purge', done, total, value: undefined }));
      progress = checkpoint;
    }
    const { announced, purged, failed } = progress;
    return { announced, purged, ...(failed.length > 0 && { failed }) };
  },
});

/** The first step of a run: records rooms without local users, and chooses the rooms to purge. */
function look(work: JobScope<Progress>, { afterMs, keep, atMost, dryRun }: AbandonedRoomPolicy): Promise<Progress> {
  return work.commit(async (transaction, afterCommit) => {
    const announced = await noteAbandonedRooms(transaction, work.localServerNames);
    const filter = { after: 0, limit: atMost, notedForMs: afterMs, except: keep };
    const due = await readAbandonedRooms(transaction, work.localServerNames, filter);
    const value = { announced, due: due.map(({ roomId }) => roomId), purged: [], failed: [] };
    const fields = { rooms: announced, afterMs, dryRun };
    const message = 'Found rooms without local users, which will be purged later';
    if (announced > 0) afterCommit(() => work.log.info(fields, message));
    return { checkpoint: value, phase: 'look', value };
  });
}

/**
 * Purges a room.
 * @returns why the room was not purged, for example because a hook has refused the purge or a local user has come back;
 * `undefined` if the room was purged
 */
async function purge(
  { calls, actor, signal, jobRun }: JobScope<Progress>,
  roomId: RoomId,
): Promise<string | undefined> {
  const requestId = `${jobRun?.job.id ?? ''}/${roomId}`;
  const refusal = await calls.runOnce('purgeRoom', { roomId, onlyIfEmpty: true }, { actor, requestId, signal });
  return refusal && describeError(refusal);
}
