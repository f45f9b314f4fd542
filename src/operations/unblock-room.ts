import { z } from 'zod';
import { deleteBlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { notBlocked } from './blocked-room.ts';
import { defineOperation } from './define-operation.ts';
import { roomIdInput } from './room-id-input.ts';

/** Lets local users join a room again. */
export const unblockRoom = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ roomId: roomIdInput }),
  target: ({ roomId }) => roomId,
  run: async ({ transaction }, { roomId }): Promise<void> => {
    if (!(await deleteBlockedRoom(transaction, roomId))) notBlocked();
  },
});
