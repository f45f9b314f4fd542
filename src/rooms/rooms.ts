import type { Knex } from 'knex';
import type { RoomId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { findBlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { isPurging } from '../storage/plugin/purges.ts';
import type { RoomWriter } from './room-writer.ts';

/**
 * `purging`: no event of the room may be written, whoever sent it. `blocked`: no local user may join, knock at or peek
 * into the room, or be invited to it; users who are in it stay.
 */
export type RoomAdmission = 'open' | 'blocked' | 'purging';

/**
 * `admin.rooms`: what the homeserver asks before it lets somebody or something into a room, and the writer that the plugin
 * writes events with. A host that writes with it, too, need not know how Dendrite's tables hang together. Wake the
 * federation sender for the `destinations` of what was appended, once the transaction has committed.
 */
export interface Rooms extends RoomWriter {
  /**
   * Whether a room takes joins and events. Pass the transaction that writes the event, once it has locked the room's row:
   * the answer then holds until the commit.
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
