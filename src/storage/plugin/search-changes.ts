import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { RebuildRef } from './stored-document.ts';

/**
 * An edit, and the event that it edits. The table `search_edits` keeps both ids, because a redaction of the edit removes the id
 * of the original from the edit.
 */
export interface Edit {
  readonly edit: EventId;
  readonly original: EventId;
}

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

/** Forgets which events these events edit. */
export async function deleteEdits(db: Db, editIds: readonly EventId[]): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.search_edits WHERE edit_event_id = ANY(?)', [[...editIds]]);
}

/**
 * Lists edited events. If a given event has edits, lists the event itself. If a given event is an edit, lists the event that it
 * edits.
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

/** Finds the edits of the given events, and the edits among them. Returns each edit with the event that it edits. */
export async function findEditsAround(db: Db, eventIds: readonly EventId[]): Promise<Edit[]> {
  return rowsOf(
    db.raw(
      `SELECT edit_event_id AS edit, original_event_id AS original FROM matrix_admin.search_edits
       WHERE edit_event_id = ANY(:ids) OR original_event_id = ANY(:ids)`,
      { ids: [...eventIds] },
    ),
  );
}

/** Finds the edits among the given events. Returns each edit with the event that it edits. */
export async function findOriginals(db: Db, eventIds: readonly EventId[]): Promise<Edit[]> {
  return rowsOf(
    db.raw(
      `SELECT edit_event_id AS edit, original_event_id AS original FROM matrix_admin.search_edits
       WHERE edit_event_id = ANY(?)`,
      [[...eventIds]],
    ),
  );
}

/** Lists the edits of the given events. */
export async function findEdits(db: Db, originals: readonly EventId[]): Promise<Edit[]> {
  return rowsOf(
    db.raw(
      `SELECT edit_event_id AS edit, original_event_id AS original FROM matrix_admin.search_edits
       WHERE original_event_id = ANY(?)`,
      [[...originals]],
    ),
  );
}

/** Lists events that have edits, in the order of their ids. The list starts after the id `after`. */
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

/** Creates the row of a search index if it is missing. @param analysis id of the text analysis that is used for a new index */
export async function ensureIndexState(db: Db, engine: string, analysis: string): Promise<void> {
  await db.raw('INSERT INTO matrix_admin.search_indexes (engine, analysis) VALUES (?, ?) ON CONFLICT DO NOTHING', [
    engine,
    analysis,
  ]);
}

export interface IndexState {
  readonly rebuild: RebuildRef | undefined;
  /** When the last reindex ended, in ms since the epoch. `undefined` if there was none. */
  readonly lastRebuildAt: number | undefined;
  /** Id of the text analysis that was used for the index. `undefined` if an older version of the plugin wrote the index. */
  readonly analysis: string | undefined;
}

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
 * Begins a rebuild of the index. After the commit, the plugin also records changes for the rebuild. Drops the changes that were
 * recorded for an earlier rebuild.
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
 * Ends the rebuild of the index. After a successful rebuild, stores the time and the analysis id. If the rebuild began with
 * another analysis id than it ended with, stores NULL instead of the id, and the index needs another rebuild.
 * @param result `swapped` is the analysis id of the process that ends the rebuild, or `undefined` if the rebuild failed
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

async function dropRebuildChanges(db: Db, engine: string): Promise<void> {
  await db.raw('DELETE FROM matrix_admin.search_changes WHERE engine = ? AND NOT for_index', [engine]);
  await db.raw('UPDATE matrix_admin.search_changes SET for_rebuild = false WHERE engine = ? AND for_rebuild', [engine]);
}

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

export interface Change {
  readonly seq: number;
  readonly eventId: EventId;
}

export async function listChanges(db: Db, engine: string, target: ChangeTarget, limit: number): Promise<Change[]> {
  const rows = await rowsOf<{ seq: string; event_id: EventId }>(
    db.raw(
      `SELECT seq, event_id FROM matrix_admin.search_changes WHERE engine = ? AND ${target} ORDER BY seq LIMIT ?`,
      [engine, limit],
    ),
  );
  return rows.map((row) => ({ seq: Number(row.seq), eventId: row.event_id }));
}

/** Draws a number that is larger than all numbers drawn before, and larger than the `seq` of all changes listed before. */
export async function drawVersion(db: Db): Promise<number> {
  const [row] = await rowsOf<{ version: string }>(
    db.raw(`SELECT nextval(pg_get_serial_sequence('matrix_admin.search_changes', 'seq')) AS version`),
  );
  return Number(row?.version);
}

/** Records that changes have been made in their target. Deletes changes that have been made in all their targets. */
export async function settleChanges(db: Db, target: ChangeTarget, seqs: readonly number[]): Promise<void> {
  const other = target === 'for_index' ? 'for_rebuild' : 'for_index';
  await db.raw(`DELETE FROM matrix_admin.search_changes WHERE seq = ANY(?) AND NOT ${other}`, [[...seqs]]);
  await db.raw(`UPDATE matrix_admin.search_changes SET ${target} = false WHERE seq = ANY(?)`, [[...seqs]]);
}

/** Returns which of the given events have changes that are not in the live index yet. */
export async function undelivered(db: Db, engine: string, eventIds: readonly EventId[]): Promise<Set<EventId>> {
  const rows = await rowsOf<{ event_id: EventId }>(
    db.raw('SELECT event_id FROM matrix_admin.search_changes WHERE engine = ? AND for_index AND event_id = ANY(?)', [
      engine,
      [...eventIds],
    ]),
  );
  return new Set(rows.map((row) => row.event_id));
}

export async function countUndelivered(db: Db, engine: string): Promise<number> {
  const [row] = await rowsOf<{ waiting: number }>(
    db.raw('SELECT count(*)::int AS waiting FROM matrix_admin.search_changes WHERE engine = ? AND for_index', [engine]),
  );
  return row?.waiting ?? 0;
}

/**
 * Takes or renews the lease for delivering changes to an index. Only the process with the lease delivers changes.
 * @returns whether this process has the lease
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

export async function releaseDelivery(db: Db, engine: string, owner: string): Promise<void> {
  await db.raw(
    `UPDATE matrix_admin.search_indexes SET delivery_until = '-infinity' WHERE engine = ? AND delivery_owner = ?`,
    [engine, owner],
  );
}
