import { z } from 'zod';
import type { RoomId } from '../ids.ts';
import { listMembershipsOfUser, type Membership } from '../storage/roomserver/membership.ts';
import { defineOperation } from './define-operation.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * What a user is in which rooms, forgotten rooms apart. Synapse: `GET /_synapse/admin/v1/users/{userId}/memberships`.
 */
export const listMemberships = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ userId: userIdInput }),
  run: async ({ db }, { userId }): Promise<{ readonly roomId: RoomId; readonly membership: Membership }[]> =>
    listMembershipsOfUser(db, userId),
});
