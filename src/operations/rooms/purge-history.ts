import type { Knex } from 'knex';
import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { type EventId, isRoomId } from '../../ids.ts';
import { type MediaKey, mediaOfEvent, mediaUri, parseMediaUri } from '../../matrix/media-uris.ts';
import { purgeHistoryBefore } from '../../rooms/history/purge-history.ts';
import type { HistoryProgress, PurgedRoom } from '../../rooms/history/purged-room.ts';
import type { Db } from '../../storage/database.ts';
import type { RowCounts } from '../../storage/deletion.ts';
import type { RoomKeys } from '../../storage/room-tables.ts';
import { listLastEvents } from '../../storage/roomserver/history-events.ts';
import { findRoom } from '../../storage/roomserver/rooms.ts';
import {
  countBefore,
  FIRST_PLACE,
  findLastPlace,
  findPlace,
  findPlaceFrom,
  type Place,
} from '../../storage/syncapi/history-timeline.ts';
import { loadEvents } from '../../storage/syncapi/output-room-events.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { type DeletionCounts, deleteAsPart, NOTHING_DELETED, withoutKept } from '../media/deleted-media.ts';
import { requireChoice } from '../media/media-choice.ts';
import { timeInput } from '../server/time-input.ts';
import { findPosition } from './find-event-by-time.ts';

/** If at least this many events leave the timeline, the job treats the timeline as large, and uses other SQL queries. */
const LARGE_TIMELINE = 25_000;
/** Number of media for which the job looks for references at a time. */
const NOTED = 20_000;

/** What a purge of history can do with the media of deleted events. The input of `purgeHistory` says what each choice does. */
export const HISTORY_MEDIA = ['keep', 'unused'] as const;
export type HistoryMediaChoice = (typeof HISTORY_MEDIA)[number];

/** The result of a purge of history. */
export interface PurgedHistory {
  /** Number of events that have left the timeline. In a dry run, the number of events that would leave the timeline. */
  readonly purged: number;
  /** How many of the events in `purged` were sent by local users. */
  readonly local: number;
  /** Number of deleted rows by table. Empty in a dry run. */
  readonly deleted: RowCounts;
  /** How many media were deleted. Absent if the input field `media` is `keep`, and in a dry run. */
  readonly media?: DeletionCounts;
}

interface Progress extends HistoryProgress {
  /** How many media have been deleted. Absent if the input field `media` is `keep`, and until all events have been purged. */
  readonly media?: DeletionCounts;
}

interface Point {
  readonly eventId?: string | undefined;
  readonly upToTs?: number | undefined;
}

/**
 * Deletes a room's history before an event or a time. The current state of the room, its members and its newest events stay as
 * they are. Events that the rest of the room needs, such as old state events, and events of local users (unless
 * `deleteLocalEvents` is true) stay stored, but leave the timeline, so that nobody sees them there. The homeserver can fetch the history from other servers again. A job does the work. Synapse's route
 * is `POST /_synapse/admin/v1/purge_history/{roomId}`.
 * @throws MatrixError `M_BAD_JSON` if neither an event nor a time is given
 * @throws MatrixError `M_NOT_FOUND` if the homeserver does not know the event, or the room has no events
 * @throws MatrixError `M_BAD_STATE` if the room is being purged
 * @throws MatrixError `M_BAD_STATE` if `media` is not `keep` and the host provides no store of media files
 */
export const purgeHistory = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The room. */
    roomId: z.string().max(255),
    /** The first event that stays in the timeline. */
    eventId: z.string().max(255).optional(),
    /** Events before this time leave the timeline. The time is in ms since the epoch. Ignored if `eventId` is given. */
    upToTs: timeInput.optional(),
    /**
     * Whether to delete events of local users too. Otherwise these events leave the timeline, but stay stored, because perhaps
     * no other server has them. @defaultValue false
     */
    deleteLocalEvents: z.boolean().default(false),
    /**
     * What happens to the media that the deleted events used. `keep`: all media stay. `unused`: the job deletes media to which
     * nothing on the homeserver refers any more. Media of encrypted events stay, because the homeserver cannot read these
     * events. @defaultValue `keep`
     */
    media: z.enum(HISTORY_MEDIA).default('keep'),
    /** Whether to only count the events. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ roomId }) => roomId,
  includes: ({ roomId, media, dryRun }) =>
    media === 'keep' ? [] : [{ operation: 'deleteRoomMedia', input: { roomId, media, dryRun } }],
  dedupeKey: ({ roomId }) => roomId,
  begin: async ({ transaction, fileRemoval }, { roomId, eventId, upToTs, media }) => {
    requireChoice({ fileRemoval }, media);
    if (eventId === undefined && upToTs === undefined) {
      throw new MatrixError('M_BAD_JSON', 'must specify purge_up_to_event_id or purge_up_to_ts');
    }
    await findPoint(transaction, await requireKnownRoom(transaction, roomId, eventId), { eventId, upToTs });
  },
  run: async (work: JobScope<Progress>, input): Promise<PurgedHistory> => {
    const { roomId, roomNid } = await requireKnownRoom(work.reader(), input.roomId);
    const before = work.checkpoint ?? (await count(work, { roomId, roomNid }, input));
    const { point, isLarge, local, total } = before;
    if (work.dryRun) return { purged: total, local, deleted: {} };
    const { localServerNames } = work;
    const { deleteLocalEvents } = input;
    const noteMedia: PurgedRoom['noteMedia'] =
      input.media === 'keep' ? undefined : (transaction, texts) => noteMediaOf(work, transaction, texts);
    const room = { roomId, roomNid, point, isLarge, deleteLocalEvents, localServerNames, noteMedia };
    const progress: Progress = await purgeHistoryBefore(work, room, before);
    work.announce({ rooms: [roomId] });
    const media = input.media === 'keep' ? undefined : await deleteUnusedMedia(work, progress);
    return { purged: progress.purged, local, deleted: progress.deleted, ...(media && { media }) };
  },
});

/**
 * Stores the URIs of the media that events use, in a list that the database has for the job: the job's items.
 * @param texts the events as JSON
 */
async function noteMediaOf(
  { items }: Pick<JobScope, 'items'>,
  transaction: Knex.Transaction,
  texts: readonly string[],
): Promise<void> {
  const uris = texts.flatMap((text) => mediaOfEvent(text).map(mediaUri));
  await items.add(
    transaction,
    [...new Set(uris)].map((item) => ({ item, ordinal: 0 })),
  );
}

function deleteUnusedMedia(work: JobScope<Progress>, progress: Progress): Promise<DeletionCounts> {
  return deleteAsPart(work, unusedMedia(work), progress.media ?? NOTHING_DELETED, (change) =>
    work.commit(async (transaction) => {
      const media = await change(transaction);
      const { purged: done, total } = progress;
      return { checkpoint: { ...progress, media }, phase: 'media', done, total: Math.max(total, done), value: media };
    }),
  );
}

async function* unusedMedia(work: JobScope<Progress>): AsyncGenerator<readonly MediaKey[], void, undefined> {
  for (let skipped = 0; ; skipped += NOTED) {
    const uris = await work.items.listAdded(work.reader(), skipped, NOTED);
    yield* withoutKept(
      work,
      uris.flatMap((uri) => parseMediaUri(uri) ?? []),
      { keep: 'named' },
    );
    if (uris.length < NOTED) return;
  }
}

/**
 * Finds the point of the purge. Counts the events that will leave the timeline, and those of them that local users sent.
 * Returns the job's first checkpoint.
 */
async function count(
  work: Pick<JobScope, 'reader' | 'localServerNames'>,
  room: RoomKeys,
  input: Point,
): Promise<HistoryProgress> {
  const db = work.reader();
  const point = await findPoint(db, room, input);
  const { events, local } = await countBefore(db, room.roomId, point, {
    serverNames: work.localServerNames,
    except: await listLastEvents(db, room.roomNid),
  });
  const isLarge = events >= LARGE_TIMELINE;
  return { point, isLarge, after: FIRST_PLACE, purged: 0, total: events, local, deleted: {} };
}

const nothingToPurge = (): MatrixError => new MatrixError('M_NOT_FOUND', 'there is no event to be purged');

/**
 * Finds a room. If `eventId` is given, checks that this event is in the room.
 * @throws MatrixError with Synapse's errors, if the homeserver does not know the event or the room, or if the event is in
 * another room
 */
async function requireKnownRoom(db: Db, roomId: string, eventId?: string): Promise<RoomKeys> {
  if (eventId !== undefined) {
    const [event] = await loadEvents(db, [eventId as EventId]);
    if (event === undefined) throw new MatrixError('M_NOT_FOUND', `Could not find event ${eventId}`);
    if (event.roomId !== roomId) throw new MatrixError('M_INVALID_PARAM', 'Event is for wrong room.');
  }
  const room = isRoomId(roomId) ? await findRoom(db, roomId) : undefined;
  if (room === undefined) throw nothingToPurge();
  return room;
}

/**
 * Finds the first event that stays in the timeline: the event `eventId`, or else the first event at or after `upToTs`, or else
 * the last event. Returns its place: its depth and its stream position.
 * @throws MatrixError `M_NOT_FOUND` if the event is not in the timeline, or the timeline is empty
 */
async function findPoint(db: Db, { roomId }: RoomKeys, { eventId, upToTs = 0 }: Point): Promise<Place> {
  const place =
    eventId === undefined
      ? ((await findPlaceFrom(db, roomId, await findPosition(db, roomId, upToTs))) ?? (await findLastPlace(db, roomId)))
      : await findPlace(db, roomId, eventId as EventId);
  if (place === undefined) throw nothingToPurge();
  return place;
}
