import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/**
 * Kinds of leftovers: events that are no longer in the timeline, and the state snapshots before such events, with the blocks
 * of these snapshots.
 */
export type LeftoverKind = 'event' | 'snapshot' | 'block';

/** Adds events that were taken out of a room's timeline. */
export async function insertLeftoverEvents(
  transaction: Knex.Transaction,
  roomNid: number,
  events: readonly { readonly eventNid: number; readonly isLocal: boolean }[],
): Promise<void> {
  if (events.length === 0) return;
  await transaction.raw(
    `INSERT INTO matrix_admin.history_leftovers (room_nid, kind, nid, is_local)
     SELECT ?, 'event', nid, is_local FROM unnest(?::bigint[], ?::boolean[]) AS e(nid, is_local) ON CONFLICT DO NOTHING`,
    [roomNid, events.map(({ eventNid }) => eventNid), events.map(({ isLocal }) => isLocal)],
  );
}

/** Adds state snapshots of a room, and their blocks. Leaves out the snapshot without events, which all rooms share. */
export async function insertLeftoverState(
  transaction: Knex.Transaction,
  roomNid: number,
  snapshotNids: readonly number[],
): Promise<void> {
  if (snapshotNids.length === 0) return;
  await transaction.raw(
    `WITH snapshots AS (
       SELECT state_snapshot_nid, state_block_nids FROM public.roomserver_state_snapshots
       WHERE state_snapshot_nid = ANY(:nids) AND cardinality(state_block_nids) > 0)
     INSERT INTO matrix_admin.history_leftovers (room_nid, kind, nid)
     SELECT CAST(:roomNid AS bigint), 'snapshot', state_snapshot_nid FROM snapshots
     UNION ALL SELECT DISTINCT CAST(:roomNid AS bigint), 'block', unnest(state_block_nids) FROM snapshots
     ON CONFLICT DO NOTHING`,
    { roomNid, nids: [...snapshotNids] },
  );
}

/** Whether a purge may find something to delete among a room's leftovers. */
export async function hasLeftovers(db: Db, roomNid: number, withLocal: boolean): Promise<boolean> {
  const rows = await rowsOf<object>(
    db.raw('SELECT FROM matrix_admin.history_leftovers WHERE room_nid = ? AND (? OR NOT is_local) LIMIT 1', [
      roomNid,
      withLocal,
    ]),
  );
  return rows.length > 0;
}

/** Forgets which leftovers of a room are needed. */
export async function forgetNeeded(transaction: Knex.Transaction, roomNid: number): Promise<void> {
  await transaction.raw('UPDATE matrix_admin.history_leftovers SET needed = false WHERE room_nid = ? AND needed', [
    roomNid,
  ]);
}

/** Marks leftovers as needed. NIDs that are no leftovers are ignored. */
export async function markNeeded(
  transaction: Knex.Transaction,
  roomNid: number,
  kind: LeftoverKind,
  nids: readonly number[],
): Promise<void> {
  if (nids.length === 0) return;
  await transaction.raw(
    `UPDATE matrix_admin.history_leftovers SET needed = true
     WHERE room_nid = ? AND kind = ? AND nid = ANY(?) AND NOT needed`,
    [roomNid, kind, [...nids]],
  );
}

/** A page of leftover events, in the order of their NIDs. */
export async function listLeftoverEvents(
  db: Db,
  roomNid: number,
  after: number,
  limit: number,
): Promise<{ readonly eventNid: number; readonly isLocal: boolean; readonly needed: boolean }[]> {
  const rows = await rowsOf<{ nid: string; is_local: boolean; needed: boolean }>(
    db.raw(
      `SELECT nid, is_local, needed FROM matrix_admin.history_leftovers
       WHERE room_nid = ? AND kind = 'event' AND nid > ? ORDER BY nid LIMIT ?`,
      [roomNid, after, limit],
    ),
  );
  return rows.map((row) => ({ eventNid: Number(row.nid), isLocal: row.is_local, needed: row.needed }));
}

/** Takes leftovers that are not needed out of the list. @returns at most `limit` NIDs */
export async function takeUnneeded(
  transaction: Knex.Transaction,
  roomNid: number,
  kind: LeftoverKind,
  { limit, withLocal }: { readonly limit: number; readonly withLocal: boolean },
): Promise<number[]> {
  const rows = await rowsOf<{ nid: string }>(
    transaction.raw(
      `DELETE FROM matrix_admin.history_leftovers WHERE room_nid = :roomNid AND kind = :kind AND nid = ANY(ARRAY(
         SELECT nid FROM matrix_admin.history_leftovers
         WHERE room_nid = :roomNid AND kind = :kind AND NOT needed AND (:withLocal OR NOT is_local) ORDER BY nid LIMIT :limit))
       RETURNING nid`,
      { roomNid, kind, limit, withLocal },
    ),
  );
  return rows.map(({ nid }) => Number(nid));
}

/** Takes all snapshots and blocks out of a room's list. They are in use, and are leftovers again after the next purge. */
export async function forgetLeftoverState(transaction: Knex.Transaction, roomNid: number): Promise<void> {
  await transaction.raw(
    `DELETE FROM matrix_admin.history_leftovers WHERE room_nid = ? AND kind IN ('snapshot', 'block')`,
    [roomNid],
  );
}
