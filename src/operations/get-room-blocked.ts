import { z } from 'zod';
import { type BlockedRoom, findBlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { defineOperation } from './define-operation.ts';
import { roomIdInput } from './room-id-input.ts';

/** Whether a room is blocked, and by whom. Synapse: `GET /_synapse/admin/v1/rooms/{roomId}/block`. */
export const getRoomBlocked = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ roomId: roomIdInput }),
  run: async ({ db }, { roomId }): Promise<BlockedRoom | undefined> => findBlockedRoom(db, roomId),
});
