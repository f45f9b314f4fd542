import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';

/**
 * Kinds of leftovers. A purge of history takes events out of a room's timeline. The leftovers are those of these events that
 * the purge does not delete at once, the snapshots of the room's state before the events, and the blocks of these snapshots (a
 * snapshot is a list of blocks, and a block is a list of state events). Later, the purge deletes the leftovers that nothing
 * needs.
 */
export type LeftoverKind = 'event' | 'snapshot' | 'block';

/**
 * Tells whether a room has leftovers, whether marked as needed or not. Leftover events of local users count only with
 * `withLocal`.
 * @param withLocal whether the purge may delete events of local users
 */
export async function hasLeftovers(db: Db, roomNid: number, withLocal: boolean): Promise<boolean> {
  const rows = await rowsOf<object>(
    db.raw('SELECT FROM matrix_admin.history_leftovers WHERE room_nid = ? AND (? OR NOT is_local) LIMIT 1', [
      roomNid,
      withLocal,
    ]),
  );
  return rows.length > 0;
}

/** Removes the marks of `markNeeded()` from all leftovers of a room. */
export async function forgetNeeded(transaction: Knex.Transaction, roomNid: number): Promise<void> {
  await transaction.raw('UPDATE matrix_admin.history_leftovers SET needed = false WHERE room_nid = ? AND needed', [
    roomNid,
  ]);
}

/**
 * Marks leftovers of a room as needed. Ignores NIDs (Dendrite's numbers of events, snapshots or blocks) that are no leftovers.
 */
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

/** Lists at most `limit` leftover events of a room with NIDs above `after`, in the order of their NIDs. */
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

/**
 * Removes leftovers that are not marked as needed from the table of leftovers. Removes events of local users only with
 * `withLocal`. The caller must then delete the events, snapshots or blocks themselves.
 * @returns the NIDs of the removed leftovers, at most `limit`
 */
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

/**
 * Removes all snapshots and blocks of a room from the table of leftovers. A purge calls this at its end, when only snapshots
 * and blocks are left that something needs. A later purge adds them again when it takes the events that need them out of the
 * timeline.
 */
export async function forgetLeftoverState(transaction: Knex.Transaction, roomNid: number): Promise<void> {
  await transaction.raw(
    `DELETE FROM matrix_admin.history_leftovers WHERE room_nid = ? AND kind IN ('snapshot', 'block')`,
    [roomNid],
  );
}
