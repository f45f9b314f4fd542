import { z } from 'zod';
import { type BlockedRoom, insertBlockedRoom } from '../storage/plugin/blocked-rooms.ts';
import { nameOf } from './actor.ts';
import { requireBlockedRoom } from './blocked-room.ts';
import { defineOperation } from './define-operation.ts';
import { roomIdInput } from './room-id-input.ts';

/**
 * Keeps local users from joining a room, whether the homeserver knows it yet or not. Those who are in it stay. Blocking
 * it again replaces the reason.
 */
export const blockRoom = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ roomId: roomIdInput, reason: z.string().max(1_000).optional() }),
  target: ({ roomId }) => roomId,
  run: async ({ transaction, actor }, { roomId, reason }): Promise<BlockedRoom> => {
    await insertBlockedRoom(transaction, { roomId, reason, blockedBy: nameOf(actor) });
    return requireBlockedRoom(transaction, roomId);
  },
});
