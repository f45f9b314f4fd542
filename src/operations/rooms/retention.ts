import { z } from 'zod';
import { describeError, MatrixError } from '../../errors.ts';
import type { RoomId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import type { Db } from '../../storage/database.ts';
import { listLastEvents } from '../../storage/roomserver/history-events.ts';
import { findEventNids } from '../../storage/roomserver/outliers.ts';
import { listRetainedRooms, type RetainedRoom } from '../../storage/roomserver/retained-rooms.ts';
import { listTimeline } from '../../storage/syncapi/timeline.ts';
import { defineJobOperation, type JobScope, type OperationServices } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireChoice } from '../media/media-choice.ts';
import type { Failure } from './evacuate-members.ts';
import { HISTORY_MEDIA, type HistoryMediaChoice } from './purge-history.ts';

/** Number of rooms that one step checks. */
const BATCH = 100;
/**
 * Number of events at the beginning of a timeline that show whether a room has expired events. The events that the room needs
 * come in addition: a purge never removes them, for example forward extremities, the events that no other event follows yet.
 */
const LOOKED_AT = 10;
/** Maximum length of each list of rooms in a result. The result also has the number of all rooms for each list. */
const MAX_NAMED = 1_000;

/** The value of `options.rooms.retention`. All times are in ms. @internal */
export interface RetentionPolicy {
  /** How long events stay in rooms without a policy of their own. `undefined` means for ever. */
  readonly defaultLifetimeMs?: number | undefined;
  /**
   * The next two fields limit the time that a room's own policy may have. Instead of a shorter time, `minLifetimeMs` applies.
   * Instead of a longer time, `maxLifetimeMs` applies.
   */
  readonly minLifetimeMs: number;
  readonly maxLifetimeMs?: number | undefined;
  /** Ids of rooms whose history is never purged. */
  readonly keep: readonly string[];
  /** What happens to the media of purged events, unless the input of the call says it. See the input of `purgeHistory`. */
  readonly media: HistoryMediaChoice;
  /** Whether the operation only reports rooms and purges nothing. */
  readonly dryRun: boolean;
}

/** The result of `purgeExpiredHistory`. */
export interface ExpiredHistoryPurge {
  /** Number of rooms whose history was purged. In a dry run, the number of rooms whose history would be purged. */
  readonly total: number;
  /** Ids of the rooms whose history was purged, at most 1,000. In a dry run, ids of the rooms whose history would be purged. */
  readonly rooms: readonly RoomId[];
  /** Number of rooms whose history could not be purged. */
  readonly failures: number;
  /**
   * Rooms whose history could not be purged, and the reasons. For example, a hook may have refused the purge. At most the 1,000
   * newest failures. Absent if there are none.
   */
  readonly failed?: readonly Failure[];
}

interface Progress extends ExpiredHistoryPurge {
  /** The last room that the job has checked, by its NID, which is Dendrite's number of a room. */
  readonly after: number;
  readonly failed: readonly Failure[];
}

function requirePolicy({ retention }: Pick<OperationServices, 'retention'>): RetentionPolicy {
  if (retention !== undefined) return retention;
  throw new MatrixError('M_BAD_STATE', 'options.rooms.retention is not set');
}

/**
 * Purges the expired history of all rooms, including events of local users. A room's `m.room.retention` event says how long the
 * room's events stay. For rooms without such an event, `options.rooms.retention` says how long events stay. This option also
 * limits the time in such events, and names rooms that are never purged. If the option is set, the plugin runs this operation
 * once a day. For each room, it calls the operation `purgeHistory`, so the host's hooks for `purgeHistory` can refuse the purge
 * of a room. Source: MSC1763.
 * @throws MatrixError `M_BAD_STATE` if `options.rooms.retention` is not set
 * @throws MatrixError `M_BAD_STATE` if `media` is not `keep` and the host provides no store of media files
 */
export const purgeExpiredHistory = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /**
     * What happens to the media that the deleted events used. `keep`: all media stay. `unused`: the job deletes media to which
     * nothing on the homeserver refers any more. @defaultValue `options.rooms.retention.media`
     */
    media: z.enum(HISTORY_MEDIA).optional(),
    /** Whether to only report what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  dedupeKey: () => '',
  begin: async (scope, { media }) => {
    const policy = requirePolicy(scope);
    requireChoice(scope, media ?? policy.media);
  },
  isServed: ({ retention }) => retention !== undefined,
  run: async (work: JobScope<Progress>, input): Promise<ExpiredHistoryPurge> => {
    const own = requirePolicy(work);
    const policy = { ...own, media: input.media ?? own.media, dryRun: own.dryRun || work.dryRun };
    let progress: Progress = work.checkpoint ?? { total: 0, rooms: [], failures: 0, failed: [], after: 0 };
    for (let isOver = false; !isOver; ) {
      const rooms = await listRetainedRooms(work.reader(), progress.after, BATCH);
      for (const room of rooms) progress = await purgeExpired(work, policy, room, progress);
      progress = { ...progress, after: rooms.at(-1)?.roomNid ?? progress.after };
      const stored = progress;
      await work.commit(async () => ({ checkpoint: stored, phase: 'purge', done: stored.total, value: undefined }));
      isOver = rooms.length < BATCH;
    }
    const { total, rooms, failures, failed } = progress;
    return { total, rooms, failures, ...(failed.length > 0 && { failed }) };
  },
});

/**
 * Purges the expired history of a room, if there is any. A dry run purges nothing. Adds the room to the progress, or the reason
 * why the purge failed. Returns the progress.
 */
async function purgeExpired(
  { calls, actor, signal, jobRun, reader }: JobScope<Progress>,
  policy: RetentionPolicy,
  { roomId, roomNid, policy: json }: RetainedRoom,
  progress: Progress,
): Promise<Progress> {
  signal.throwIfAborted();
  const lifetimeMs = policy.keep.includes(roomId) ? undefined : lifetimeOf(policy, json);
  const upToTs = lifetimeMs === undefined ? undefined : Math.max(Date.now() - lifetimeMs, 0);
  if (upToTs === undefined || !(await hasExpired(reader(), { roomId, roomNid }, upToTs))) return progress;
  const requestId = `${jobRun?.job.id ?? ''}/${roomId}`;
  const input = { roomId, upToTs, deleteLocalEvents: true, media: policy.media };
  const refusal = policy.dryRun ? undefined : await calls.runOnce('purgeHistory', input, { actor, requestId, signal });
  if (refusal !== undefined) {
    const failure = { id: roomId, reason: describeError(refusal) };
    const failed = [...progress.failed, failure].slice(-MAX_NAMED);
    return { ...progress, failures: progress.failures + 1, failed };
  }
  return { ...progress, total: progress.total + 1, rooms: [...progress.rooms, roomId].slice(0, MAX_NAMED) };
}

/** Returns how long events of a room stay, in ms. `undefined` means for ever. */
function lifetimeOf(
  { defaultLifetimeMs, minLifetimeMs, maxLifetimeMs }: RetentionPolicy,
  json?: string,
): number | undefined {
  const event: unknown = json === undefined ? undefined : JSON.parse(json);
  const { content } = isRecord(event) ? event : {};
  const own = isRecord(content) ? content.max_lifetime : undefined;
  if (typeof own !== 'number' || !Number.isSafeInteger(own) || own <= 0) return defaultLifetimeMs;
  return Math.min(Math.max(own, minLifetimeMs), maxLifetimeMs ?? own);
}

/**
 * Tells whether a purge would remove one of the first events of a room's timeline, because its time is before `time` or is not
 * a number.
 */
async function hasExpired(
  db: Db,
  { roomId, roomNid }: { readonly roomId: RoomId; readonly roomNid: number },
  time: number,
): Promise<boolean> {
  const last = new Set(await listLastEvents(db, roomNid));
  const { events } = await listTimeline(db, roomId, { direction: 'f', limit: LOOKED_AT + last.size });
  const old = events.filter(({ event: { origin_server_ts: ts } }) => typeof ts !== 'number' || ts < time);
  if (old.length === 0) return false;
  const nids = await findEventNids(
    db,
    old.map(({ eventId }) => eventId),
  );
  return [...nids.values()].some((nid) => !last.has(nid));
}
