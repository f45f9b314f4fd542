import { z } from 'zod';
import type { UserId } from '../ids.ts';
import { listJoinedUsers } from '../storage/roomserver/membership.ts';
import { defineOperation } from './define-operation.ts';
import { requireShownRoom } from './shown-room.ts';

/** Who has joined a room. Synapse: `GET /_synapse/admin/v1/rooms/{roomId}/members`. */
export const listRoomMembers = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ roomId: z.string() }),
  run: async ({ db }, { roomId }): Promise<UserId[]> => listJoinedUsers(db, await requireShownRoom(db, roomId)),
});
