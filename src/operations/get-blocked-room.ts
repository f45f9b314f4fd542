import { z } from 'zod';
import type { BlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { requireBlockedRoom } from './blocked-room.ts';
import { defineOperation } from './define-operation.ts';
import { roomIdInput } from './room-id-input.ts';

/** Who has blocked a room, when and why. */
export const getBlockedRoom = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ roomId: roomIdInput }),
  run: async ({ db }, { roomId }): Promise<BlockedRoom> => requireBlockedRoom(db, roomId),
});
