import type { Knex } from 'knex';
import type { RoomId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { findBlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { isPurging } from '../storage/plugin/purges.ts';
import type { RoomWriter } from './room-writer.ts';

/**
 * What a room accepts. `open`: joins and events. `blocked`: no local user may join the room, knock at it, peek into it or be
 * invited to it, but users who are in the room stay. `purging`: no event of the room may be written, not even an event of
 * another server.
 */
export type RoomAdmission = 'open' | 'blocked' | 'purging';

/**
 * `admin.rooms` of the plugin. The homeserver calls `check` before a join or an event. It may also write events with the
 * plugin's own room writer, and then need not know how Dendrite's tables depend on each other. After the commit of an append,
 * the homeserver wakes its federation sender for the returned `destinations`.
 */
export interface Rooms extends RoomWriter {
  /**
   * Tells whether a room accepts joins and events. Pass the transaction that writes the event, after it has locked the room's
   * row. The answer then stays valid until the transaction ends.
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
