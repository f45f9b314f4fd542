import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import type { RemoveDocuments } from '../../search/search.ts';
import { addCounts, type RowCounts } from '../../storage/deletion.ts';
import { removeNextEvents } from '../../storage/history-step.ts';
import { listLastEvents, unlinkEvents } from '../../storage/roomserver/history-events.ts';
import type { Place } from '../../storage/syncapi/history-timeline.ts';
import type { PurgedRoom } from './purged-room.ts';

/** The result of one call of `removeEvents()`. */
export interface RemovedEvents {
  /** Number of events that have left the timeline. */
  readonly removed: number;
  readonly deleted: RowCounts;
  /** The position in the timeline after which the next call begins. `undefined` after the last call. */
  readonly next: Place | undefined;
}

/**
 * Takes the next events out of a room's timeline, in the order of the timeline, and out of the search index. The forward
 * extremities and the event that was last sent to clients stay. Afterwards, the database looks as if the homeserver had never
 * fetched the removed events: the events that follow them become backward extremities, which are events whose previous events
 * are missing.
 *
 * State events stay stored as outliers, which are events without a place in the timeline. Other events of local users also stay
 * stored as outliers, unless the purge deletes them. All other events are deleted. The caller must have locked the room.
 * @param after the position in the timeline after which the call begins
 * @param limit maximum number of events that the call reads
 */
export async function removeEvents(
  transaction: Knex.Transaction,
  room: PurgedRoom,
  removeDocuments: RemoveDocuments,
  after: Place,
  limit: number,
): Promise<RemovedEvents> {
  const { point, isLarge, deleteLocalEvents, localServerNames } = room;
  const kept = await listLastEvents(transaction, room.roomNid);
  const { gone, deleted, missed, mediaTexts, next } = await removeNextEvents(transaction, room, {
    after,
    before: point,
    limit,
    isLarge,
    deleteLocalEvents,
    localServerNames,
    kept,
    withMediaTexts: room.noteMedia !== undefined,
  });
  const previous = [...new Set(missed.flatMap(({ json }) => previousIdsOf(json)))];
  const unlinked =
    previous.length === 0
      ? {}
      : await unlinkEvents(
          transaction,
          previous,
          missed.map(({ eventNid }) => eventNid),
        );
  await room.noteMedia?.(transaction, mediaTexts);
  await removeDocuments(gone, transaction);
  return { removed: gone.length, deleted: addCounts(deleted, unlinked), next };
}

/** Returns the ids of the previous events that the JSON of an event contains. */
function previousIdsOf(json: string): EventId[] {
  const event: unknown = JSON.parse(json);
  const references: readonly unknown[] = isRecord(event) && Array.isArray(event.prev_events) ? event.prev_events : [];
  return references
    .map((reference: unknown) => (Array.isArray(reference) ? (reference[0] as unknown) : reference))
    .filter((id): id is EventId => typeof id === 'string');
}
