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
  /** The purge takes the events before this position out of the timeline. */
  readonly point: Place;
  /**
   * Whether the room's timeline is large. For a large timeline, reading the table that contains the positions of the events of
   * all rooms is faster than looking up each event of the room.
   */
  readonly isLarge: boolean;
  /** Whether the purge also deletes events of local users. If not, these events leave the timeline, but stay stored. */
  readonly deleteLocalEvents: boolean;
  readonly localServerNames: readonly ServerName[];
  /**
   * Records which media the deleted events use. The purge calls this function in the transaction of the deletion, with the JSON
   * of those deleted events that may refer to media. `undefined` if the purge keeps all media.
   */
  readonly noteMedia: ((transaction: Knex.Transaction, texts: readonly string[]) => Promise<void>) | undefined;
}

/**
 * The checkpoint of a purge. The first phase purges the timeline. A resumed job continues this phase where it stopped. The job
 * starts each later phase from its beginning, because repeating such a phase does no harm.
 */
export interface HistoryProgress {
  readonly point: Place;
  readonly isLarge: boolean;
  /**
   * The position up to which the timeline has been purged so far. `undefined` if it has been purged completely, up to `point`.
   */
  readonly after?: Place | undefined;
  /** Number of events that have left the timeline. */
  readonly purged: number;
  /** Number of events before `point` when the purge began. */
  readonly total: number;
  /** How many of the events in `total` were sent by local users. */
  readonly local: number;
  /** Number of deleted rows by table. */
  readonly deleted: RowCounts;
}

/** What the job that runs a purge provides to it. */
export interface HistoryWork {
  /** Removes events from the search index. */
  readonly removeDocuments: RemoveDocuments;
  /** Runs a step in a transaction that also stores the checkpoint of the job. */
  readonly commit: <T>(
    step: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<JobStep<T, HistoryProgress>>,
  ) => Promise<T>;
}

/**
 * Locks a room until the transaction ends, so that no other transaction adds events to it.
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
