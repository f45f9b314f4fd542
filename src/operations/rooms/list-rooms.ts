import { z } from 'zod';
import { ROOM_ORDERS, readRoomPage } from '../../storage/roomserver/room-list.ts';
import { type RoomSummary, readRoomSummaries } from '../../storage/roomserver/room-summaries.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/** Most rooms of a page. */
const MAX_ROOMS = 1_000;

/**
 * A page of the rooms that have events here and are not being purged.
 * Synapse: `GET /_synapse/admin/v1/rooms`; see its orders there.
 */
export const listRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** How many rooms to skip. @defaultValue 0 */
    from: z.int().min(0).default(0),
    /** At most 1000 are shown. @defaultValue 100 */
    limit: z.int().min(0).default(100),
    /** Synapse's orders of rooms. @defaultValue `name` */
    orderBy: z.enum(ROOM_ORDERS).default('name'),
    /** `b`: reverse order. @defaultValue `f` */
    direction: z.enum(['f', 'b']).default('f'),
    /** A part of the name or of the canonical alias's localpart, case-insensitive, or a complete room id or alias. */
    searchTerm: z.string().min(1).max(255).optional(),
    /** Whether it is in the room directory. */
    publicRooms: z.boolean().optional(),
    /** Whether no local user is in it, invited to it or knocking at it, as for the operation `emptyRooms`. */
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
