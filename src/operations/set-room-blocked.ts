import { z } from 'zod';
import { deleteBlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { blockRoom } from './block-room.ts';
import { defineOperation } from './define-operation.ts';
import { roomIdInput } from './room-id-input.ts';

/**
 * Blocks a room, or lets local users join it again; does nothing where it is so already.
 * Synapse: `PUT /_synapse/admin/v1/rooms/{roomId}/block`.
 */
export const setRoomBlocked = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ roomId: roomIdInput, block: z.boolean() }),
  target: ({ roomId }) => roomId,
  includes: ({ roomId, block }) => [{ operation: block ? 'blockRoom' : 'unblockRoom', input: { roomId } }],
  run: async (scope, { roomId, block }): Promise<{ block: boolean }> => {
    if (block) await blockRoom.run(scope, { roomId }, undefined);
    else await deleteBlockedRoom(scope.transaction, roomId);
    return { block };
  },
});
