import { z } from 'zod';
import { ROOM_ORDERS, readRoomPage } from '../../storage/roomserver/room-list.ts';
import { type RoomSummary, readRoomSummaries } from '../../storage/roomserver/room-summaries.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/** Maximum number of rooms on a page. */
const MAX_ROOMS = 1_000;

/**
 * Lists rooms that have events on this homeserver and are not under purge, page by page.
 * Synapse: `GET /_synapse/admin/v1/rooms`. Synapse's documentation describes the orders.
 */
export const listRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Number of rooms to skip. @defaultValue 0 */
    from: z.int().min(0).default(0),
    /** Maximum number of rooms on the page. Values above 1000 count as 1000. @defaultValue 100 */
    limit: z.int().min(0).default(100),
    /** Synapse's orders of rooms. @defaultValue `name` */
    orderBy: z.enum(ROOM_ORDERS).default('name'),
    /** `b`: reverse order. @defaultValue `f` */
    direction: z.enum(['f', 'b']).default('f'),
    /** Part of the name or of the canonical alias's localpart, in any case, or a complete room id or alias. */
    searchTerm: z.string().min(1).max(255).optional(),
    /** `true`: only rooms in the room directory. `false`: only others. @defaultValue both */
    publicRooms: z.boolean().optional(),
    /** `true`: only empty rooms, as in the operation `emptyRooms`. `false`: only others. @defaultValue both */
    emptyRooms: z.boolean().optional(),
  }),
  run: async (
    { db, localServerNames },
    { from, limit, orderBy, direction, searchTerm, publicRooms, emptyRooms },
  ): Promise<{ rooms: RoomSummary[]; total: number; nextBatch: number | undefined; prevBatch: number | undefined }> => {
    const size = Math.min(limit, MAX_ROOMS);
    const { roomIds, total } = await readRoomPage(
      db,
      { searchTerm, isPublic: publicRooms, isEmpty: emptyRooms },
      { orderBy, isReversed: direction === 'b', offset: from, limit: size },
      localServerNames,
    );
    return {
      rooms: await readRoomSummaries(db, roomIds, localServerNames),
      total,
      nextBatch: from + size < total ? from + size : undefined,
      prevBatch: from > 0 ? Math.max(from - size, 0) : undefined,
    };
  },
});
