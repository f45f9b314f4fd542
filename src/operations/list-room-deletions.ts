import { z } from 'zod';
import { MatrixError } from '../errors.ts';
import { listJobs } from '../storage/plugin/jobs.ts';
import { defineOperation } from './define-operation.ts';
import { type RoomDeletion, viewDeletion } from './room-deletion.ts';
import { roomIdInput } from './room-id-input.ts';

/** The newest of them. */
const MAX_DELETIONS = 100;

/**
 * Deletions of a room, the oldest first, as long as their jobs are kept.
 * Synapse: `GET /_synapse/admin/v2/rooms/{roomId}/delete_status`.
 */
export const listRoomDeletions = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ roomId: roomIdInput }),
  run: async ({ db }, { roomId }): Promise<RoomDeletion[]> => {
    const jobs = await listJobs(db, { kind: 'deleteRoom', target: roomId }, MAX_DELETIONS, undefined);
    if (jobs.length === 0) throw new MatrixError('M_NOT_FOUND', `No delete task for room_id '${roomId}' found`);
    return Promise.all(jobs.reverse().map((job) => viewDeletion(db, job)));
  },
});
