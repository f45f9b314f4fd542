import type { Knex } from 'knex';
import { MatrixError } from '../../errors.ts';
import type { RoomId, ServerName } from '../../ids.ts';
import type { JobStep } from '../../jobs/job.ts';
import type { RemoveDocuments } from '../../search/search.ts';
import type { RowCounts } from '../../storage/deletion.ts';
import { isPurging } from '../../storage/plugin/purges.ts';
import type { RoomKeys } from '../../storage/room-tables.ts';
import { lockRoom } from '../../storage/roomserver/rooms.ts';
import type { Place } from '../../storage/syncapi/history-timeline.ts';
import type { AfterCommit } from '../../storage/transact.ts';

/** The room whose history is purged, and the settings of the purge. */
export interface PurgedRoom extends RoomKeys {
  /** A place in the timeline. The purge removes the history before it. */
  readonly point: Place;
  /**
   * Whether the timeline is large. For a large timeline, reading the places of all rooms is faster than looking up each event
   * of the room.
   */
  readonly isLarge: boolean;
  /** Whether the purge also deletes events of local users. If not, these events leave the timeline, but stay stored. */
  readonly deleteLocalEvents: boolean;
  readonly localServerNames: readonly ServerName[];
  /**
   * Notes which media deleted events use. The purge calls it in the transaction of the deletion, with the JSON of those events
   * that may refer to media. `undefined` if the purge keeps all media.
   */
  readonly noteMedia: ((transaction: Knex.Transaction, texts: readonly string[]) => Promise<void>) | undefined;
}

/**
 * The checkpoint of a purge. A resumed job continues the first phase, which purges the timeline, where it stopped. The job
 * starts each later phase from its beginning, because repeating a phase does no harm.
 */
export interface HistoryProgress {
  readonly point: Place;
  readonly isLarge: boolean;
  /**
   * The place up to which the timeline has been purged so far. `undefined` when the whole timeline up to `point` has been
   * purged.
   */
  readonly after?: Place | undefined;
  /** Number of events that have left the timeline. */
  readonly purged: number;
  /** Number of events before the point. */
  readonly total: number;
  /** Number of events of local users before the point. */
  readonly local: number;
  /** Number of deleted rows by table. */
  readonly deleted: RowCounts;
}

/** What a purge needs from its job. */
export interface HistoryWork {
  readonly removeDocuments: RemoveDocuments;
  /** Runs a step in a transaction of its own that also stores the checkpoint. */
  readonly commit: <T>(
    step: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<JobStep<T, HistoryProgress>>,
  ) => Promise<T>;
}

/**
 * Locks a room against new events until the end of the transaction.
 * @throws MatrixError `M_NOT_FOUND` if the homeserver does not know the room, `M_BAD_STATE` if the whole room is being purged
 */
export async function lockHistory(
  transaction: Knex.Transaction,
  roomId: RoomId,
): Promise<{ readonly roomNid: number; readonly stateSnapshotNid: number }> {
  const room = await lockRoom(transaction, roomId);
  if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'room does not exist');
  if (await isPurging(transaction, roomId)) throw new MatrixError('M_BAD_STATE', 'the room is being purged');
  return room;
}
