import { z } from 'zod';
import { MatrixError } from '../errors.ts';
import { findJob } from '../storage/plugin/jobs.ts';
import { defineOperation } from './define-operation.ts';
import { type RoomDeletion, viewDeletion } from './room-deletion.ts';

/** How far a deletion has got. Synapse: `GET /_synapse/admin/v2/rooms/delete_status/{deleteId}`. */
export const getRoomDeletion = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({
    /** The id of its job. */
    deleteId: z.string(),
  }),
  run: async ({ db }, { deleteId }): Promise<RoomDeletion> => {
    const job = z.uuid().safeParse(deleteId).success ? await findJob(db, deleteId) : undefined;
    if (job?.kind !== 'deleteRoom') throw new MatrixError('M_NOT_FOUND', `delete id '${deleteId}' not found`);
    return viewDeletion(db, job);
  },
});
