import { z } from 'zod';
import { MatrixError } from '../errors.ts';
import { findRoomInfo, type RoomInfo } from '../storage/roomserver/room-info.ts';
import { defineOperation } from './define-operation.ts';
import { roomIdInput } from './room-id-input.ts';

/** What an admin looks at before doing something to a room. */
export const roomInfo = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ roomId: roomIdInput }),
  run: async ({ db, localServerNames }, { roomId }): Promise<RoomInfo> => {
    const room = await findRoomInfo(db, roomId, localServerNames);
    if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'room does not exist');
    return room;
  },
});
