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
 * Reports a room to the administrators. The homeserver calls this operation from its route `POST rooms/{roomId}/report`. The
 * specification does not require that the reporter is in the room. Source: Client-Server API, "Reporting Content".
 * @throws MatrixError `M_NOT_FOUND` if there is no such room, or if the room is being purged
 */
export const reportRoom = defineOperation({
  access: 'self-or-admin',
  effect: 'write',
  input: inputObject({
    /** The local user who reports the room. */
    reporter: userIdInput,
    /** The room. */
    roomId: roomIdInput,
    /** Why the user reports the room. @defaultValue no reason */
    reason: z.string().max(10_000).default(''),
  }),
  target: ({ reporter }) => reporter,
  run: async ({ transaction }, { reporter, roomId, reason }): Promise<{ reportId: number }> => {
    // A purge locks the room and then deletes the reports about the room. After that, no report may be added. `shareRoom()`
    // makes a purge wait until this transaction has ended.
    const isKnown = await shareRoom(transaction, roomId);
    if (!isKnown || (await isPurging(transaction, roomId))) throw new MatrixError('M_NOT_FOUND', 'Room not found');
    return { reportId: await insertReport(transaction, 'room', { reported: roomId, reporter, reason }) };
  },
});
