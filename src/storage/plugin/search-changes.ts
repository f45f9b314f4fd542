import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';
import { type Db, rowsOf, TEXTS, textsOf } from '../database.ts';
import type { RebuildRef } from './stored-document.ts';

/**
 * The ids of an edit (an event that replaces the content of another event) and of the original event. The table `search_edits`
 * stores both ids, because a redaction of the edit removes the id of the original event from the edit.
 */
export interface Edit {
  readonly edit: EventId;
  readonly original: EventId;
}

/** Stores edits in the table `search_edits`. */
export async function insertEdits(db: Db, edits: readonly Edit[]): Promise<void> {
  if (edits.length === 0) return;
  // Rows are inserted in the order of their ids, so that transactions that insert the same edits do not deadlock.
  const inOrder = edits.toSorted((a, b) => (a.edit < b.edit ? -1 : 1));
  await db.raw(
    `INSERT INTO matrix_admin.search_edits (edit_event_id, original_event_id)
     SELECT * FROM unnest(?::text[], ?::text[]) ON CONFLICT DO NOTHING`,
    [inOrder.map(({ edit }) => edit), inOrder.map(({ original }) => original)],
  );
}

/** Deletes edits from the table `search_edits`. */
export async function deleteEdits(db: Db, editIds: readonly EventId[]): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.search_edits WHERE edit_event_id = ANY(?)', [[...editIds]]);
}

/**
 * Lists the original events that concern the given events: each given event that has edits, and the original of each given
 * event that is an edit.
 */
export async function findEditedAround(db: Db, eventIds: readonly EventId[]): Promise<EventId[]> {
  const rows = await rowsOf<{ original: EventId }>(
    db.raw(
      `SELECT DISTINCT original_event_id AS original FROM matrix_admin.search_edits
       WHERE edit_event_id = ANY(?) OR original_event_id = ANY(?)`,
      [[...eventIds], [...eventIds]],
    ),
  );
  return rows.map(({ original }) => original);
}

/** Finds the edits of the given events, and those of the given events that are edits themselves. */
export async function findEditsAround(db: Db, eventIds: readonly EventId[]): Promise<Edit[]> {
  return rowsOf(
    db.raw(
      `WITH given AS MATERIALIZED (SELECT ${TEXTS} AS ids)
       SELECT edit_event_id AS edit, original_event_id AS original FROM matrix_admin.search_edits
       WHERE edit_event_id = ANY((SELECT ids FROM given)::text[]) OR original_event_id = ANY((SELECT ids FROM given)::text[])`,
      [textsOf(eventIds)],
    ),
  );
}

/** Finds those of the given events that are edits, and returns them with their original events. */
export async function findOriginals(db: Db, eventIds: readonly EventId[]): Promise<Edit[]> {
  return rowsOf(
    db.raw(
      `SELECT edit_event_id AS edit, original_event_id AS original FROM matrix_admin.search_edits
       WHERE edit_event_id = ANY(?)`,
      [[...eventIds]],
    ),
  );
}

/** Finds the edits of the given events. */
export async function findEdits(db: Db, originals: readonly EventId[]): Promise<Edit[]> {
  return rowsOf(
    db.raw(
      `SELECT edit_event_id AS edit, original_event_id AS original FROM matrix_admin.search_edits
       WHERE original_event_id = ANY(?)`,
      [[...originals]],
    ),
  );
}

/** Lists at most `limit` events that have edits and whose ids come after `after`, in the order of the ids. */
export async function listEdited(db: Db, after: string, limit: number): Promise<EventId[]> {
  const rows = await rowsOf<{ original: EventId }>(
    db.raw(
      `SELECT DISTINCT original_event_id AS original FROM matrix_admin.search_edits
       WHERE original_event_id > ? ORDER BY original_event_id LIMIT ?`,
      [after, limit],
    ),
  );
  return rows.map(({ original }) => original);
}

/**
 * Creates the row of a search index in the table `search_indexes` if the row is missing.
 * @param engine name of the search engine that has the index
 * @param analysis id of the text analysis (which splits texts into words) that a new index uses
 */
export async function ensureIndexState(db: Db, engine: string, analysis: string): Promise<void> {
  await db.raw('INSERT INTO matrix_admin.search_indexes (engine, analysis) VALUES (?, ?) ON CONFLICT DO NOTHING', [
    engine,
    analysis,
  ]);
}

/** What the table `search_indexes` says about the search index of an engine. */
export interface IndexState {
  /** The rebuild that is running. `undefined` if no rebuild is running. */
  readonly rebuild: RebuildRef | undefined;
  /** When the last successful rebuild ended, in ms since the epoch. `undefined` if there was none. */
  readonly lastRebuildAt: number | undefined;
  /**
   * Id of the text analysis with which the index was built. `undefined` if it is unknown, so that the index needs a rebuild.
   */
  readonly analysis: string | undefined;
}

/** Reads the state of the search index of an engine. */
export async function indexState(db: Db, engine: string): Promise<IndexState> {
  const [row] = await rowsOf<{
    id: string | null;
    marker: string | null;
    last_ms: number | null;
    analysis: string | null;
  }>(
    db.raw(
      `SELECT rebuild_id AS id, rebuild_marker AS marker, round(extract(epoch FROM last_rebuild_at) * 1000)::float8 AS last_ms,
         analysis
       FROM matrix_admin.search_indexes WHERE engine = ?`,
      [engine],
    ),
  );
  const { id, marker, last_ms: lastMs, analysis } = row ?? { id: null, marker: null, last_ms: null, analysis: null };
  return {
    rebuild: id === null ? undefined : { id, marker: marker ?? '' },
    lastRebuildAt: lastMs ?? undefined,
    analysis: analysis ?? undefined,
  };
}

/**
 * Stores that a rebuild of the index begins. From the commit on, the plugin also records changes for the new index that the
 * rebuild fills. Drops the changes that were recorded for an earlier rebuild.
 * @param analysis id of the text analysis that the rebuild uses
 */
export async function beginRebuild(
  transaction: Knex.Transaction,
  engine: string,
  rebuild: RebuildRef,
  analysis: string,
): Promise<void> {
  await transaction.raw(
    `UPDATE matrix_admin.search_indexes SET rebuild_id = ?, rebuild_marker = ?, rebuild_analysis = ? WHERE engine = ?`,
    [rebuild.id, rebuild.marker, analysis, engine],
  );
  await dropRebuildChanges(transaction, engine);
}

/**
 * Stores that a rebuild of the index has ended, and drops the changes that were recorded for it. Does nothing if this rebuild
 * is not the running one. After a successful rebuild, stores the time and the id of the analysis. If the rebuild began with
 * another analysis than it ended with, stores NULL instead of the id, so that the index needs another rebuild.
 * @param result `swapped` is the id of the analysis of the process that ends a successful rebuild, and `undefined` if the
 * rebuild has failed
 */
export async function endRebuild(
  db: Db,
  engine: string,
  rebuildId: string,
  { swapped }: { readonly swapped: string | undefined },
): Promise<void> {
  const rows = await rowsOf<{ engine: string }>(
    db.raw(
      `UPDATE matrix_admin.search_indexes SET rebuild_id = NULL, rebuild_marker = NULL, rebuild_analysis = NULL,
         last_rebuild_at = CASE WHEN CAST(:swapped AS text) IS NULL THEN last_rebuild_at ELSE clock_timestamp() END,
         analysis = CASE WHEN CAST(:swapped AS text) IS NULL THEN analysis
           WHEN rebuild_analysis = CAST(:swapped AS text) THEN rebuild_analysis END
       WHERE engine = :engine AND rebuild_id = :rebuildId RETURNING engine`,
      { swapped: swapped ?? null, engine, rebuildId },
    ),
  );
  if (rows.length > 0) await dropRebuildChanges(db, engine);
}

/** Drops the target `for_rebuild` of all changes of an engine. Deletes changes that have no other target. */
async function dropRebuildChanges(db: Db, engine: string): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.search_changes WHERE engine = ? AND NOT for_index', [engine]);
  await db.raw('UPDATE matrix_admin.search_changes SET for_rebuild = false WHERE engine = ? AND for_rebuild', [engine]);
}

/**
 * Records that the documents of events must be changed in a search index.
 * @param target in which index: the live index, the index that a rebuild is filling, or both
 */
export async function insertChanges(
  transaction: Knex.Transaction,
  engine: string,
  eventIds: readonly EventId[],
  target: { readonly forIndex: boolean; readonly forRebuild: boolean },
): Promise<void> {
  await transaction.raw(
    `INSERT INTO matrix_admin.search_changes (engine, event_id, for_index, for_rebuild)
     SELECT ?, event_id, ?, ? FROM unnest(?::text[]) AS event_id`,
    [engine, target.forIndex, target.forRebuild, [...eventIds]],
  );
}

/** Where a change still has to be made: in the live index, or in the index that a rebuild is filling. */
export type ChangeTarget = 'for_index' | 'for_rebuild';

/** A recorded change. Changes with higher `seq` were recorded later. */
export interface Change {
  readonly seq: number;
  readonly eventId: EventId;
}

/** Lists at most `limit` changes that still have to be made in a target, in the order of `seq`. */
export async function listChanges(db: Db, engine: string, target: ChangeTarget, limit: number): Promise<Change[]> {
  const rows = await rowsOf<{ seq: string; event_id: EventId }>(
    db.raw(
      `SELECT seq, event_id FROM matrix_admin.search_changes WHERE engine = ? AND ${target} ORDER BY seq LIMIT ?`,
      [engine, limit],
    ),
  );
  return rows.map((row) => ({ seq: Number(row.seq), eventId: row.event_id }));
}

/**
 * Takes a number from the sequence of `seq`. It is higher than all numbers taken before, and than the `seq` of earlier changes.
 */
export async function drawVersion(db: Db): Promise<number> {
  const [row] = await rowsOf<{ version: string }>(
    db.raw(`SELECT nextval(pg_get_serial_sequence('matrix_admin.search_changes', 'seq')) AS version`),
  );
  return Number(row?.version);
}

/** Records that changes have been made in a target. Deletes those of the changes that have no other target left. */
export async function settleChanges(db: Db, target: ChangeTarget, seqs: readonly number[]): Promise<void> {
  const other = target === 'for_index' ? 'for_rebuild' : 'for_index';
  await db.raw(`DELETE FROM matrix_admin.search_changes WHERE seq = ANY(?) AND NOT ${other}`, [[...seqs]]);
  await db.raw(`UPDATE matrix_admin.search_changes SET ${target} = false WHERE seq = ANY(?)`, [[...seqs]]);
}

/** Returns those of the given events that have recorded changes which are not in the live index yet. */
export async function undelivered(db: Db, engine: string, eventIds: readonly EventId[]): Promise<Set<EventId>> {
  const rows = await rowsOf<{ event_id: EventId }>(
    db.raw('SELECT event_id FROM matrix_admin.search_changes WHERE engine = ? AND for_index AND event_id = ANY(?)', [
      engine,
      [...eventIds],
    ]),
  );
  return new Set(rows.map((row) => row.event_id));
}

/** Counts the recorded changes that are not in the live index yet. */
export async function countUndelivered(db: Db, engine: string): Promise<number> {
  const [row] = await rowsOf<{ waiting: number }>(
    db.raw('SELECT count(*)::int AS waiting FROM matrix_admin.search_changes WHERE engine = ? AND for_index', [engine]),
  );
  return row?.waiting ?? 0;
}

/**
 * Takes or renews the lease for delivering recorded changes to an engine. Only the process with the lease may deliver changes.
 * @param owner id of this process
 * @returns whether this process has the lease now
 */
export async function leaseDelivery(db: Db, engine: string, owner: string, leaseMs: number): Promise<boolean> {
  const rows = await rowsOf<{ engine: string }>(
    db.raw(
      `UPDATE matrix_admin.search_indexes SET delivery_owner = ?, delivery_until = clock_timestamp() + ? * interval '1 ms'
       WHERE engine = ? AND (delivery_owner = ? OR delivery_until < clock_timestamp()) RETURNING engine`,
      [owner, leaseMs, engine, owner],
    ),
  );
  return rows.length > 0;
}

/** Ends the lease of `leaseDelivery()`, so that another process can take it at once. */
export async function releaseDelivery(db: Db, engine: string, owner: string): Promise<void> {
  await db.raw(
    `UPDATE matrix_admin.search_indexes SET delivery_until = '-infinity' WHERE engine = ? AND delivery_owner = ?`,
    [engine, owner],
  );
}
