import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isRoomId } from '../../ids.ts';
import type { Db } from '../../storage/database.ts';
import { findRoom } from '../../storage/roomserver/rooms.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { type EvacuatedMembers, type EvacuationProgress, evacuateMembers } from './evacuate-members.ts';

/**
 * Checks that the homeserver has current events of a room.
 * @throws MatrixError `M_NOT_FOUND` with Dendrite's text, if the homeserver does not know the room, or knows only an invite to
 * the room
 */
async function requireRoom(db: Db, roomId: string): Promise<void> {
  const room = isRoomId(roomId) ? await findRoom(db, roomId) : undefined;
  if (room === undefined || room.latestEventNids.length === 0)
    throw new MatrixError('M_NOT_FOUND', 'room does not exist');
}

/**
 * Makes all local users leave a room. The users with the highest power levels leave last, so that these users can govern the
 * room until the end. Dendrite's route is `POST /_dendrite/admin/evacuateRoom/{roomID}`. Unlike this operation, Dendrite skips
 * users of virtual hosts, makes leave events that do not follow each other, and reports users who could not leave as evacuated.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room
 * @throws MatrixError `M_BAD_STATE` if the room is being purged
 */
export const evacuateRoom = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The room. */
    roomId: z.string().max(255),
    /** Whether invited local users reject their invites. @defaultValue false */
    invites: z.boolean().default(false),
    /** Whether local users withdraw their knocks. @defaultValue false */
    knocks: z.boolean().default(false),
    /** Whether to only report what would happen. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ roomId }) => roomId,
  dedupeKey: ({ roomId }) => roomId,
  begin: async ({ transaction }, { roomId }) => {
    await requireRoom(transaction, roomId);
  },
  run: (work: JobScope<EvacuationProgress>, room): Promise<EvacuatedMembers> =>
    evacuateMembers(work, room, work.checkpoint),
});
