import { z } from 'zod';
import { isRoomId } from '../ids.ts';
import { findRoomDetails, type RoomDetails } from '../storage/roomserver/room-summaries.ts';
import { defineOperation } from './define-operation.ts';
import { noSuchRoom } from './shown-room.ts';

/** One room, as Synapse shows it: `GET /_synapse/admin/v1/rooms/{roomId}`. */
export const getRoom = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ roomId: z.string() }),
  run: async ({ db, localServerNames }, { roomId }): Promise<RoomDetails> =>
    (isRoomId(roomId) ? await findRoomDetails(db, roomId, localServerNames) : undefined) ?? noSuchRoom(),
});
