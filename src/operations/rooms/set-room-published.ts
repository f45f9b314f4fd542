import { z } from 'zod';
import { requireRoom } from '../../rooms/room-writer.ts';
import { publishRoom, unpublishRoom } from '../../storage/roomserver/room-directory.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from './room-id-input.ts';

/**
 * Adds a room to the homeserver's room directory, or removes the room from the directory. If the room already has the wanted
 * state, nothing changes.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 */
export const setRoomPublished = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
    /** `true` adds the room to the directory. `false` removes the room from the directory. */
    published: z.boolean(),
  }),
  target: ({ roomId }) => roomId,
  run: async ({ transaction, afterCommit, announce }, { roomId, published }): Promise<{ published: boolean }> => {
    await requireRoom(transaction, roomId);
    if (published) await publishRoom(transaction, roomId);
    else await unpublishRoom(transaction, roomId);
    afterCommit(() => announce({ rooms: [roomId] }));
    return { published };
  },
});
