import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { type EventId, isEventId } from '../../ids.ts';
import { insertEventReport } from '../../storage/roomserver/event-reports.ts';
import { findRoomOfUser } from '../../storage/roomserver/membership.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from '../rooms/room-id-input.ts';
import { userIdInput } from '../users/user-id-input.ts';

/** The largest number that PostgreSQL's type `integer` can hold. Clients may send a score outside of the specified range. */
const MAX_SCORE = 2 ** 31 - 1;

/**
 * Reports an event to the administrators. The homeserver calls this operation from its route `POST
 * rooms/{roomId}/report/{eventId}`. Dendrite has the same conditions. Source: Client-Server API, "Reporting Content".
 * @throws MatrixError `M_NOT_FOUND` if the reporter is not in the room, if the room has no such event, or if the event has been
 * redacted
 */
export const reportEvent = defineOperation({
  access: 'self-or-admin',
  effect: 'write',
  input: inputObject({
    /** The local user who reports the event. The user must be in the room. */
    reporter: userIdInput,
    /** The room of the event. */
    roomId: roomIdInput,
    /** The event. */
    eventId: z.custom<EventId>((value) => typeof value === 'string' && isEventId(value), 'not an event id'),
    /** Why the user reports the event. @defaultValue no reason */
    reason: z.string().max(10_000).default(''),
    /**
     * How offensive the event is: from -100 (the most offensive) to 0, as the specification says, but other numbers are stored
     * too. Newer versions of the specification have no score.
     * @defaultValue 0
     */
    score: z.int().min(-MAX_SCORE).max(MAX_SCORE).default(0),
  }),
  target: ({ reporter }) => reporter,
  run: async ({ transaction }, report): Promise<{ reportId: number }> => {
    const room = await findRoomOfUser(transaction, report.reporter, report.roomId);
    const reportId = room?.membership === 'join' ? await insertEventReport(transaction, report) : undefined;
    if (reportId === undefined) {
      throw new MatrixError('M_NOT_FOUND', 'The event was not found or you are not joined to the room.');
    }
    return { reportId };
  },
});
