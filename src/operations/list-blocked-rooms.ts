import { z } from 'zod';
import type { RoomId } from '../ids.ts';
import { type BlockedRoom, listBlockedRooms as queryBlockedRooms } from '../storage/plugin/blocked-rooms.ts';
import { defineOperation } from './define-operation.ts';
import { roomIdInput } from './room-id-input.ts';

/** A page of blocked rooms, in order of their ids. */
export const listBlockedRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({
    limit: z.int().min(1).max(1_000).default(100),
    /** `nextToken` of the page before. */
    from: roomIdInput.optional(),
  }),
  run: async ({ db }, { limit, from }): Promise<{ rooms: BlockedRoom[]; nextToken: RoomId | undefined }> => {
    const found = await queryBlockedRooms(db, from ?? '', limit + 1);
    const rooms = found.slice(0, limit);
    return { rooms, nextToken: found.length > limit ? rooms.at(-1)?.roomId : undefined };
  },
});
