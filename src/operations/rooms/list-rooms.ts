import { z } from 'zod';
import { readSummarisedRoomPage } from '../../storage/plugin/summarised-rooms.ts';
import { ROOM_ORDERS, readRoomPage } from '../../storage/roomserver/room-list.ts';
import { type RoomSummary, readRoomSummaries } from '../../storage/roomserver/room-summaries.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/** Maximum number of rooms on a page. */
const MAX_ROOMS = 1_000;

/**
 * Lists rooms, page by page. The list contains all rooms of which the homeserver has events, except rooms that are being
 * purged. Synapse's route is `GET /_synapse/admin/v1/rooms`. Synapse's documentation describes the orders.
 */
export const listRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Number of rooms to skip. @defaultValue 0 */
    from: z.int().min(0).default(0),
    /** Maximum number of rooms on the page. Values above 1000 count as 1000. @defaultValue 100 */
    limit: z.int().min(0).default(100),
    /** The order of the rooms. Synapse has the same orders. @defaultValue `name` */
    orderBy: z.enum(ROOM_ORDERS).default('name'),
    /** `b` reverses the order. @defaultValue `f` */
    direction: z.enum(['f', 'b']).default('f'),
    /**
     * Only the room with this id, or only rooms that have this canonical alias, or whose name or localpart of the canonical
     * alias contains this text. Case matters only in a room id.
     * @defaultValue all rooms
     */
    searchTerm: z.string().min(1).max(255).optional(),
    /**
     * `true` lists only rooms in the room directory. `false` lists only rooms that are not in the room directory. @defaultValue
     * all rooms
     */
    publicRooms: z.boolean().optional(),
    /**
     * `true` lists only rooms that `emptyRooms` lists. `false` lists only rooms that `emptyRooms` does not list. @defaultValue
     * all rooms
     */
    emptyRooms: z.boolean().optional(),
  }),
  run: async (
    { db, localServerNames, isSummarised },
    { from, limit, orderBy, direction, searchTerm, publicRooms, emptyRooms },
  ): Promise<{ rooms: RoomSummary[]; total: number; nextBatch: number | undefined; prevBatch: number | undefined }> => {
    const size = Math.min(limit, MAX_ROOMS);
    const fromSummaries = await isSummarised('rooms');
    const { roomIds, total } = await (fromSummaries ? readSummarisedRoomPage : readRoomPage)(
      db,
      { searchTerm, isPublic: publicRooms, isEmpty: emptyRooms },
      { orderBy, isReversed: direction === 'b', offset: from, limit: size },
      localServerNames,
    );
    return {
      rooms: await readRoomSummaries(db, roomIds, localServerNames, { fromSummaries }),
      total,
      nextBatch: from + size < total ? from + size : undefined,
      prevBatch: from > 0 ? Math.max(from - size, 0) : undefined,
    };
  },
});
