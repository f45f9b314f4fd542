import type { Knex } from 'knex';
import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../ids.ts';
import type { RoomEventDraft } from '../../rooms/event-chain.ts';
import { findRedactor } from '../../rooms/find-redactor.ts';
import type { Db } from '../../storage/database.ts';
import { findRoom, lockRoom, type StoredRoom } from '../../storage/roomserver/rooms.ts';
import {
  countUserEvents,
  listUserEvents,
  type UserEvent,
  type UserEventFilter,
} from '../../storage/syncapi/user-events.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireFileRemoval } from '../media/deleted-media.ts';
import { roomIdInput } from '../rooms/room-id-input.ts';
import { timeInput } from '../server/time-input.ts';
import { includedBy, REDACTED_MEDIA, type RedactedMedia, treatMedia } from './redacted-media.ts';
import {
  type FailedRedaction,
  noteFailures,
  outcomeOf,
  type RedactionProgress,
  type UserRedaction,
} from './redaction-outcome.ts';
import { userIdInput } from './user-id-input.ts';

/** Maximum number of events that one step reads and redacts. */
const BATCH = 250;

/** Event types that are redacted by default. Synapse redacts the first three types. */
const DEFAULT_TYPES = ['m.room.member', 'm.room.message', 'm.room.encrypted', 'm.sticker', 'm.reaction'];

/**
 * Event types that are never redacted. A redaction of an event of the first two types would harm the room, and Synapse refuses
 * these types. If redactions could be redacted, a user who sends the redactions would always have new events to redact.
 */
const KEPT_TYPES: readonly string[] = ['m.room.create', 'm.room.server_acl', 'm.room.redaction'];

const typeInput = z
  .string()
  .min(1)
  .max(255)
  .refine((type) => !KEPT_TYPES.includes(type), 'events of this type are never redacted');

interface Redaction {
  readonly userId: UserId;
  readonly rooms: readonly RoomId[];
  readonly reason?: string | undefined;
  readonly limit: number;
  readonly useAdmin: boolean;
  readonly afterTs?: number | undefined;
  readonly beforeTs?: number | undefined;
  readonly types: readonly string[];
  readonly media: RedactedMedia;
}

/**
 * Redacts the events of a local or remote user, in every room in which a local user may redact them. A job does the work. In
 * each room, the job redacts the newest events first. If the user is local and may send redactions, the user sends the
 * redactions. Otherwise the local member with the highest power level sends the redactions. Among member events, the job
 * redacts only joins. Synapse's route is `POST /_synapse/admin/v1/user/{userId}/redact`.
 * @throws MatrixError `M_BAD_STATE` if `media` is `delete` and the host provides no store of media files
 */
export const redactUserEvents = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The user, local or remote. */
    userId: userIdInput,
    /** The rooms in which to redact events. An empty list means all rooms. */
    rooms: z.array(roomIdInput).max(10_000),
    /** The reason that the redactions contain. @defaultValue no reason */
    reason: z.string().max(1_000).optional(),
    /** Maximum number of events to redact in each room. @defaultValue 1000 */
    limit: z.int().min(1).default(1_000),
    /** Whether only the calling administrator may send the redactions. @defaultValue false */
    useAdmin: z.boolean().default(false),
    /** Only events whose `origin_server_ts` is later than this time, in ms since the epoch. @defaultValue no limit */
    afterTs: timeInput.optional(),
    /** Only events whose `origin_server_ts` is earlier than this time, in ms since the epoch. @defaultValue no limit */
    beforeTs: timeInput.optional(),
    /** Types of the events to redact. @defaultValue joins, messages, encrypted messages, stickers and reactions */
    types: z.array(typeInput).min(1).max(100).default(DEFAULT_TYPES),
    /**
     * What happens to the media of the redacted events. `keep`: all media stay. `quarantine` and `delete`: the job quarantines
     * or deletes the media that the user has uploaded. Of a remote user, these are the media of the user's server, because only
     * that server knows who has uploaded them. Protected media stay. @defaultValue `keep`
     */
    media: z.enum(REDACTED_MEDIA).default('keep'),
    /** Whether to only count the events. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  includes: ({ userId, media, dryRun }) => includedBy(media, userId, dryRun),
  dedupeKey: ({ userId }) => userId,
  begin: async ({ actor, fileRemoval }, { useAdmin, media }) => {
    if (media === 'delete') requireFileRemoval({ fileRemoval });
    if (!useAdmin || actor.kind === 'user') return;
    throw new MatrixError('M_INVALID_PARAM', 'only an administrator can redact events as the administrator');
  },
  run: async (work: JobScope<RedactionProgress>, input): Promise<UserRedaction> => {
    const rooms = await roomsOf(work.reader(), input);
    const total = rooms.reduce((sum, { events }) => sum + events, 0);
    const media = input.media === 'keep' ? {} : { media: 0 };
    let progress: RedactionProgress = work.checkpoint ?? {
      redacted: 0,
      failed: [],
      ...media,
      counted: 0,
      done: 0,
      total,
    };
    for (const room of rooms) {
      const { roomId, after } = progress;
      const isDone = roomId !== undefined && (room.roomId < roomId || (room.roomId === roomId && after === undefined));
      if (!isDone) progress = await redactInRoom(work, input, room, progress);
    }
    if (input.media === 'delete' && !work.dryRun) await requireFileRemoval(work).run(work.signal);
    return outcomeOf(progress, work.items, work.reader());
  },
});

interface RoomOfEvents {
  readonly roomId: RoomId;
  /** Number of the user's events in the room, but at most the input's `limit`. Only used to show the progress. */
  readonly events: number;
}

/** Lists the rooms that have events of the user with the wanted types, sorted by room id. */
async function roomsOf(db: Db, { limit, ...redaction }: Redaction): Promise<RoomOfEvents[]> {
  const rooms = await countUserEvents(db, filterOf(redaction));
  return rooms
    .map(({ roomId, events }) => ({ roomId, events: Math.min(events, limit) }))
    .sort((a, b) => (a.roomId < b.roomId ? -1 : 1));
}

const filterOf = ({ userId, rooms, types }: Pick<Redaction, 'userId' | 'rooms' | 'types'>): UserEventFilter => ({
  userId,
  types,
  rooms: rooms.length === 0 ? undefined : rooms,
});

async function redactInRoom(
  work: JobScope<RedactionProgress>,
  redaction: Redaction,
  { roomId, events }: RoomOfEvents,
  before: RedactionProgress,
): Promise<RedactionProgress> {
  let progress: RedactionProgress =
    before.roomId === roomId ? before : { ...before, roomId, after: undefined, counted: 0 };
  do {
    progress = await work.commit(async (transaction, afterCommit) => {
      const room = await (work.dryRun ? findRoom(transaction, roomId) : lockRoom(transaction, roomId));
      const { after, counted, done, total } = progress;
      const limit = Math.min(BATCH, redaction.limit - counted);
      const seen = await listUserEvents(transaction, roomId, filterOf(redaction), { after, limit });
      const wanted = seen.filter((event) => isWanted(event, redaction));
      const outcome = await redactAll(work, transaction, redaction, room, wanted);
      const media = await treatMedia(work, transaction, redaction, redactedOf(wanted, outcome));
      if (redaction.media === 'quarantine') afterCommit(work.mediaStandings.forget);
      afterCommit(() => work.announce({ rooms: [roomId], destinations: outcome.destinations }));
      const isLast = seen.length < limit || counted + wanted.length >= redaction.limit;
      const next = {
        ...(await noteFailures(work, transaction, progress, outcome.failures)),
        redacted: progress.redacted + wanted.length - outcome.failures.length,
        ...(progress.media !== undefined && { media: progress.media + media }),
        after: isLast ? undefined : seen.at(-1)?.place,
        counted: counted + wanted.length,
        done: isLast ? done + events : done,
      };
      return { checkpoint: next, phase: 'redact', done: next.done, total, value: next };
    });
  } while (progress.after !== undefined);
  return progress;
}

function isWanted({ type, membership, originServerTs = 0 }: UserEvent, { afterTs, beforeTs }: Redaction): boolean {
  return (
    (type !== 'm.room.member' || membership === 'join') &&
    (afterTs === undefined || originServerTs > afterTs) &&
    (beforeTs === undefined || originServerTs < beforeTs)
  );
}

interface Outcome {
  readonly failures: readonly FailedRedaction[];
  readonly destinations: readonly ServerName[];
}

/** Returns the events that are not among the failures. */
function redactedOf(events: readonly UserEvent[], { failures }: Outcome): readonly UserEvent[] {
  const failed = new Set(failures.map(({ eventId }) => eventId));
  return events.filter(({ eventId }) => !failed.has(eventId));
}

/**
 * Redacts the given events of one room. Adds all redactions to the room with one call. A dry run only checks whether somebody
 * may redact the events. Returns the events that were not redacted, and the servers to which the redactions go.
 */
async function redactAll(
  { roomWriter, localServerNames, actor, dryRun }: JobScope<RedactionProgress>,
  transaction: Knex.Transaction,
  { userId, useAdmin, reason }: Redaction,
  room: StoredRoom | undefined,
  events: readonly UserEvent[],
): Promise<Outcome> {
  if (events.length === 0) return { failures: [], destinations: [] };
  const failAll = (text: string): Outcome => ({
    failures: events.map(({ eventId }) => ({ eventId, reason: text })),
    destinations: [],
  });
  if (room === undefined) return failAll('the room does not exist');
  try {
    const only = useAdmin && actor.kind === 'user' ? actor.userId : undefined;
    const found = await findRedactor(roomWriter.states, transaction, room, { localServerNames, author: userId, only });
    if ('reason' in found) return failAll(found.reason);
    if (dryRun) return { failures: [], destinations: [] };
    const { refused, destinations } = await roomWriter.append(
      transaction,
      room.roomId,
      events.map(({ eventId }) => redactionOf(eventId, found.redactor, reason)),
    );
    const failures = refused.flatMap(({ draft: { redacts }, error }) =>
      redacts === undefined ? [] : [{ eventId: redacts, reason: error.message }],
    );
    return { failures, destinations };
  } catch (error) {
    // A `MatrixError` means that the room is being purged or has an unknown room version. Nothing has been written.
    if (error instanceof MatrixError) return failAll(error.message);
    throw error;
  }
}

/**
 * Makes a redaction event. Since room version 11, `redacts` is in the content. As in Dendrite, the event has `redacts` in both
 * places in all room versions.
 */
function redactionOf(redacts: EventId, sender: UserId, reason: string | undefined): RoomEventDraft {
  return {
    type: 'm.room.redaction',
    sender,
    content: { ...(reason !== undefined && { reason }), redacts },
    redacts,
  };
}
