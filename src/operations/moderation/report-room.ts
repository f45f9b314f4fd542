import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isPurging } from '../../storage/plugin/purges.ts';
import { insertReport } from '../../storage/plugin/reports.ts';
import { shareRoom } from '../../storage/roomserver/rooms.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from '../rooms/room-id-input.ts';
import { userIdInput } from '../users/user-id-input.ts';

/**
 * Reports a room to the administrators. The homeserver calls it for its route `POST rooms/{roomId}/report`.
 * Client-Server API, "Reporting Content". As the specification has it, the reporter need not be in the room.
 */
export const reportRoom = defineOperation({
  access: 'self-or-admin',
  effect: 'write',
  input: inputObject({
    /** The local user who reports. */
    reporter: userIdInput,
    /** The room. */
    roomId: roomIdInput,
    /** Why the user reports it. @defaultValue no reason */
    reason: z.string().max(10_000).default(''),
  }),
  target: ({ reporter }) => reporter,
  run: async ({ transaction }, { reporter, roomId, reason }): Promise<{ reportId: number }> => {
    // A purge deletes the room's reports once it has locked the room: none may come after that.
    const isKnown = await shareRoom(transaction, roomId);
    if (!isKnown || (await isPurging(transaction, roomId))) throw new MatrixError('M_NOT_FOUND', 'Room not found');
    return { reportId: await insertReport(transaction, 'room', { reported: roomId, reporter, reason }) };
  },
});
