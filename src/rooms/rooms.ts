import type { Knex } from 'knex';
import type { RoomId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { findBlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { isPurging } from '../storage/plugin/purges.ts';
import type { RoomWriter } from './room-writer.ts';

/**
 * `purging`: no event of the room may be written, including events of other servers. `blocked`: no local user may join, knock
 * at or peek into the room, or be invited to it. Users who are in the room stay.
 */
export type RoomAdmission = 'open' | 'blocked' | 'purging';

/**
 * `admin.rooms`: the check that the homeserver makes before a join or an event, and the plugin's own room writer. A host that
 * uses this writer need not know the relations between Dendrite's tables. After the commit, wake the federation sender for
 * the `destinations` of an append.
 */
export interface Rooms extends RoomWriter {
  /**
   * Whether a room accepts joins and events. Pass the transaction that writes the event, after it has locked the room's row.
   * The answer then stays valid until the commit.
   */
  readonly check: (
    roomId: RoomId,
    options?: { readonly transaction?: Knex | Knex.Transaction },
  ) => Promise<RoomAdmission>;
}

export function createRooms(db: Db, roomWriter: RoomWriter): Rooms {
  return {
    ...roomWriter,
    check: async (roomId, { transaction = db } = {}) => {
      if (await isPurging(transaction, roomId)) return 'purging';
      return (await findBlockedRoom(transaction, roomId)) === undefined ? 'open' : 'blocked';
    },
  };
}
