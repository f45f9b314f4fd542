import type { Knex } from 'knex';
import { type Db, rowsOf } from '../database.ts';
import { deleteRows, type RowCounts } from '../deletion.ts';
import { ofNoEvent } from './purge-state.ts';

/**
 * Lists the NIDs of the blocks of state snapshots, each NID once. A NID is the number that Dendrite gives a block, a snapshot
 * or an event. Dendrite stores a snapshot as a list of blocks, and a block as a list of events.
 */
export async function listBlocks(db: Db, snapshotNids: readonly number[]): Promise<number[]> {
  if (snapshotNids.length === 0) return [];
  const rows = await rowsOf<{ nid: string }>(
    db.raw(
      `SELECT DISTINCT unnest(state_block_nids) AS nid FROM public.roomserver_state_snapshots
       WHERE state_snapshot_nid = ANY(?)`,
      [[...snapshotNids]],
    ),
  );
  return rows.map(({ nid }) => Number(nid));
}

/**
 * The table `history_leftovers` lists events that a purge of history has taken out of the room's timeline. The function marks
 * those of these events as needed that belong to the given state blocks.
 * @returns the NIDs of the auth events of all events in the blocks
 */
export async function markBlockEvents(
  transaction: Knex.Transaction,
  roomNid: number,
  blockNids: readonly number[],
): Promise<number[]> {
  if (blockNids.length === 0) return [];
  await transaction.raw(
    `UPDATE matrix_admin.history_leftovers SET needed = true
     WHERE room_nid = ? AND kind = 'event' AND NOT needed
       AND nid IN (SELECT unnest(event_nids) FROM public.roomserver_state_block WHERE state_block_nid = ANY(?))`,
    [roomNid, [...blockNids]],
  );
  const rows = await rowsOf<{ nid: string }>(
    transaction.raw(
      `SELECT DISTINCT unnest(e.auth_event_nids) AS nid FROM public.roomserver_events e
       WHERE e.event_nid IN (SELECT unnest(event_nids) FROM public.roomserver_state_block WHERE state_block_nid = ANY(?))`,
      [[...blockNids]],
    ),
  );
  return rows.map(({ nid }) => Number(nid));
}

/** Deletes state snapshots of a room. Does not delete a snapshot without events, because all rooms share it. */
export function deleteSnapshots(
  transaction: Knex.Transaction,
  roomNid: number,
  nids: readonly number[],
): Promise<RowCounts> {
  return deleteRows(
    transaction,
    'public.roomserver_state_snapshots',
    `state_snapshot_nid = ANY(:nids) AND room_nid = :roomNid AND NOT ${ofNoEvent('roomserver_state_snapshots')}`,
    { nids: [...nids], roomNid },
  );
}

/** Deletes state blocks. Does not delete the block without events, because all rooms share it. */
export function deleteBlocks(transaction: Knex.Transaction, nids: readonly number[]): Promise<RowCounts> {
  return deleteRows(
    transaction,
    'public.roomserver_state_block',
    'state_block_nid = ANY(:nids) AND cardinality(event_nids) > 0',
    { nids: [...nids] },
  );
}
