import type { Knex } from 'knex';
import type { RoomId, UserId } from '../ids.ts';
import type { Db } from '../storage/database.ts';
import { findBlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { type Departure, hasDeparted, listDepartures } from '../storage/plugin/departures.ts';
import { isPurging } from '../storage/plugin/purges.ts';
import type { RoomWriter } from './room-writer.ts';

/**
 * What a room accepts.
 * `open`: joins and events.
 * `blocked`: no local user may join the room, knock at it, peek into it or be invited to it, but users who are in the room
 * stay.
 * `purging`: no event of the room may be written, not even an event of another server.
 */
export type RoomAdmission = 'open' | 'blocked' | 'purging';

/**
 * The object `admin.rooms` of the plugin. The homeserver calls `check()` before a join or an event. The homeserver may also
 * write events with the functions of `RoomWriter`. Then its code need not know how Dendrite's tables depend on each other.
 * After the commit of an `append()`, the homeserver tells its federation sender to send to the returned `destinations`.
 */
export interface Rooms extends RoomWriter {
  /**
   * Tells whether a room accepts joins and events. The caller passes the transaction that writes the event, after this
   * transaction has locked the room's row. The answer then stays valid until the transaction ends.
   */
  readonly check: (
    roomId: RoomId,
    options?: { readonly transaction?: Knex | Knex.Transaction },
  ) => Promise<RoomAdmission>;
  /**
   * Lists purged rooms that a client of the user still shows. The client has received the answers of `/sync` up to the stream
   * position `after`, and now gets an answer up to the stream position `upTo`. In this answer, the homeserver shows each of the
   * listed rooms as a room that the user has left. A room that the user has joined, been invited to or knocked at again is not
   * listed. The plugin keeps a record of each local user of a purged room, called departure, for 30 days.
   */
  readonly departures: (
    userId: UserId,
    range: {
      readonly after: number;
      readonly upTo: number;
    },
  ) => Promise<Departure[]>;
  /**
   * Tells whether the plugin has a departure of the user from the room. When a user leaves or forgets a room, the homeserver
   * calls this function before it treats the room as unknown. The function changes nothing, so the user's other devices still
   * learn from `/sync` that the user has left the room.
   * @returns whether the homeserver answers the request with 200
   */
  readonly leaveDeparted: (userId: UserId, roomId: RoomId) => Promise<boolean>;
}

export function createRooms(db: Db, roomWriter: RoomWriter): Rooms {
  return {
    ...roomWriter,
    check: async (roomId, { transaction = db } = {}) => {
      if (await isPurging(transaction, roomId)) return 'purging';
      return (await findBlockedRoom(transaction, roomId)) === undefined ? 'open' : 'blocked';
    },
    departures: (userId, range) => listDepartures(db, userId, range),
    leaveDeparted: (userId, roomId) => hasDeparted(db, userId, roomId),
  };
}
