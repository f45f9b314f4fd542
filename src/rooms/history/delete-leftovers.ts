import type { Knex } from 'knex';
import type { RowCounts } from '../../storage/deletion.ts';
import { readTextsOfEvents } from '../../storage/media-names.ts';
import { type LeftoverKind, takeUnneeded } from '../../storage/plugin/history-leftovers.ts';
import { deleteEvents, findOutliers } from '../../storage/roomserver/history-events.ts';
import { deleteBlocks, deleteSnapshots } from '../../storage/roomserver/history-state.ts';
import type { PurgedRoom } from './purged-room.ts';

/**
 * The kinds of leftovers, in the order in which they are deleted. Leftovers are events that a purge of history has taken out of
 * the timeline, the state snapshots before such events, and the blocks of these snapshots. A snapshot refers to blocks, and a
 * block refers to events. Each kind is deleted before the kind to which it refers.
 */
export const LEFTOVER_KINDS: readonly LeftoverKind[] = ['snapshot', 'block', 'event'];

const DELETE: Readonly<
  Record<LeftoverKind, (transaction: Knex.Transaction, room: PurgedRoom, nids: readonly number[]) => Promise<RowCounts>>
> = {
  snapshot: (transaction, { roomNid }, nids) => deleteSnapshots(transaction, roomNid, nids),
  block: (transaction, _room, nids) => deleteBlocks(transaction, nids),
  event: async (transaction, room, nids) => {
    // Delete only outliers, which are events without a place in the timeline. If a leftover is no longer an outlier, the
    // homeserver has fetched the event again from another server.
    const outliers = await findOutliers(transaction, nids);
    await room.noteMedia?.(transaction, await readTextsOfEvents(transaction, outliers.eventNids));
    return deleteEvents(transaction, room, outliers);
  },
};

/**
 * Takes at most `limit` leftovers of one kind from the list of leftovers, and deletes them. Skips leftovers that are marked as
 * needed, and also events of local users if the purge keeps such events. Takes events that are in the timeline again from the
 * list, but does not delete them.
 * @returns the number of deleted rows by table, and whether there may be more leftovers to delete
 */
export async function deleteLeftovers(
  transaction: Knex.Transaction,
  room: PurgedRoom,
  kind: LeftoverKind,
  limit: number,
): Promise<{ readonly deleted: RowCounts; readonly hasMore: boolean }> {
  const nids = await takeUnneeded(transaction, room.roomNid, kind, { limit, withLocal: room.deleteLocalEvents });
  const deleted = nids.length === 0 ? {} : await DELETE[kind](transaction, room, nids);
  return { deleted, hasMore: nids.length === limit };
}
