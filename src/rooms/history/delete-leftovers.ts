import type { Knex } from 'knex';
import type { RowCounts } from '../../storage/deletion.ts';
import { type LeftoverKind, takeUnneeded } from '../../storage/plugin/history-leftovers.ts';
import { deleteEvents, findOutliers } from '../../storage/roomserver/history-events.ts';
import { deleteBlocks, deleteSnapshots } from '../../storage/roomserver/history-state.ts';
import type { PurgedRoom } from './purged-room.ts';

/** The order of the deletions: what refers to something goes before it. */
export const LEFTOVER_KINDS: readonly LeftoverKind[] = ['snapshot', 'block', 'event'];

const DELETE: Readonly<
  Record<LeftoverKind, (transaction: Knex.Transaction, room: PurgedRoom, nids: readonly number[]) => Promise<RowCounts>>
> = {
  snapshot: (transaction, { roomNid }, nids) => deleteSnapshots(transaction, roomNid, nids),
  block: (transaction, _room, nids) => deleteBlocks(transaction, nids),
  event: async (transaction, room, nids) => {
    // A leftover that is no outlier has come back: the homeserver has fetched it from another server.
    return deleteEvents(transaction, room, await findOutliers(transaction, nids));
  },
};

/** Deletes at most `limit` leftovers of one kind that nothing needs. @returns whether there may be more */
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
