import type { Knex } from 'knex';
import { type EventId, isUserId, splitUserId } from '../../ids.ts';
import type { RemoveDocuments } from '../../search/search.ts';
import { addCounts, type RowCounts } from '../../storage/deletion.ts';
import { insertLeftoverEvents, insertLeftoverState } from '../../storage/plugin/history-leftovers.ts';
import {
  deleteEvents,
  type Follower,
  listLastEvents,
  makeOutliers,
  readPreviousIds,
  unlinkEvents,
} from '../../storage/roomserver/history-events.ts';
import {
  deleteFromTimeline,
  insertBackwardExtremities,
  listMissingPrevious,
  type Place,
  readTimelinePart,
  type TimelineEvent,
} from '../../storage/syncapi/history-timeline.ts';
import type { PurgedRoom } from './purged-room.ts';

/** The result of one call of `removeNextEvents()`. */
export interface RemovedEvents {
  /** Number of events that have left the timeline. */
  readonly removed: number;
  readonly deleted: RowCounts;
  /** The place after which the next call begins. `undefined` after the last call. */
  readonly next: Place | undefined;
}

type StoredTimelineEvent = TimelineEvent & { readonly eventNid: number };

/**
 * Takes the next events out of a room's timeline, in the order of the room's event graph. The room's newest events stay.
 * Afterwards, the database looks as if the homeserver had never fetched the removed events: the events that follow them become
 * backward extremities, which are events whose previous events are missing.
 *
 * State events stay stored as outliers, which are events without a place in the timeline. Other events of local users also stay
 * stored as outliers, unless the purge deletes them. The caller must have locked the room.
 */
export async function removeNextEvents(
  transaction: Knex.Transaction,
  room: PurgedRoom,
  removeDocuments: RemoveDocuments,
  after: Place,
  limit: number,
): Promise<RemovedEvents> {
  const { roomId, roomNid, point, deleteLocalEvents } = room;
  const kept = new Set(await listLastEvents(transaction, roomNid));
  const { events, next } = await readTimelinePart(transaction, room, { after, before: point, limit });
  const gone = events.filter(({ eventNid }) => eventNid === undefined || !kept.has(eventNid));
  if (gone.length === 0) return { removed: 0, deleted: {}, next };
  const stored = gone.filter((event): event is StoredTimelineEvent => event.eventNid !== undefined);
  const staying = stored.filter((event) => event.isState || (isLocal(room, event) && !deleteLocalEvents));
  const stays = new Set(staying);
  const deleted = stored.filter((event) => !stays.has(event));

  await room.noteMedia(transaction, nidsOf(deleted));
  const links = await unlinkAll(transaction, room, gone, stored);
  const counts = [
    links.deleted,
    await deleteFromTimeline(transaction, roomId, idsOf(gone)),
    await deleteEvents(transaction, room, { eventIds: idsOf(deleted), eventNids: nidsOf(deleted) }),
  ];
  await insertBackwardExtremities(transaction, roomId, links.followers);
  await insertLeftoverState(transaction, roomNid, [...new Set(stored.map(({ snapshotNid }) => snapshotNid))]);
  await makeOutliers(transaction, nidsOf(staying));
  await insertLeftoverEvents(
    transaction,
    roomNid,
    staying.map((event) => ({ eventNid: event.eventNid, isLocal: isLocal(room, event) })),
  );
  await removeDocuments(gone, transaction);
  return { removed: gone.length, deleted: counts.reduce(addCounts), next };
}

const idsOf = (events: readonly TimelineEvent[]): EventId[] => events.map(({ eventId }) => eventId);
const nidsOf = (events: readonly StoredTimelineEvent[]): number[] => events.map(({ eventNid }) => eventNid);

function isLocal({ localServerNames }: PurgedRoom, { sender }: TimelineEvent): boolean {
  return isUserId(sender) && localServerNames.includes(splitUserId(sender).serverName);
}

/**
 * For each event, Dendrite stores a list of the events that follow it. This function takes the given events out of these lists.
 * @returns the followers that stay in the timeline, and the number of deleted lists
 */
async function unlinkAll(
  transaction: Knex.Transaction,
  { roomId }: PurgedRoom,
  gone: readonly TimelineEvent[],
  stored: readonly StoredTimelineEvent[],
): Promise<{ readonly deleted: RowCounts; readonly followers: readonly Follower[] }> {
  const missing = await listMissingPrevious(transaction, roomId, idsOf(gone));
  const first = await unlinkEvents(transaction, [...idsOf(gone), ...missing], nidsOf(stored));
  // The lists that were searched do not have the missed events. The JSON of a missed event names its previous events, and the
  // lists of these previous events may have it.
  const previous = await readPreviousIds(transaction, first.missed);
  if (previous.length === 0) return first;
  const second = await unlinkEvents(transaction, previous, first.missed);
  return { deleted: addCounts(first.deleted, second.deleted), followers: first.followers };
}
