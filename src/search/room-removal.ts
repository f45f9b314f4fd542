import type { Knex } from 'knex';
import type { RoomId } from '../ids.ts';
import { lockSearchShared } from '../storage/database.ts';
import { drawVersion } from '../storage/plugin/search-changes.ts';
import type { Delivery } from './delivery.ts';
import type { SearchIndex } from './search-index.ts';

/** How the plugin removes the documents of a room from the search index. The way depends on the search engine. @internal */
export type RoomRemoval =
  /** Search is off. */
  | { readonly kind: 'none' }
  /**
   * The index is in PostgreSQL. `remove` removes documents in the caller's transaction: at least `limit`, or all if there are
   * fewer. It returns the number of removed documents. A number below `limit` means that no documents are left.
   */
  | {
      readonly kind: 'transactional';
      readonly remove: (transaction: Knex.Transaction, roomId: RoomId, limit: number) => Promise<number>;
    }
  /** The index is in another engine. `remove` durably removes all documents of the room, outside any transaction. */
  | { readonly kind: 'delivered'; readonly remove: (roomId: RoomId, signal: AbortSignal) => Promise<void> };

export function createRoomRemoval(db: Knex, index: SearchIndex, delivery: Delivery | undefined): RoomRemoval {
  if (delivery === undefined) {
    return {
      kind: 'transactional',
      remove: async (transaction, roomId, limit) => {
        await lockSearchShared(transaction);
        return index.removeRoom(roomId, limit, 0, transaction);
      },
    };
  }
  return {
    kind: 'delivered',
    // The delivery of changes pauses. A delivery that is running may have read the room's events before they were deleted, and
    // would write their documents again.
    remove: (roomId, signal) =>
      delivery.whilePaused(async () => {
        await index.removeRoom(roomId, Number.POSITIVE_INFINITY, await drawVersion(db));
      }, signal),
  };
}
