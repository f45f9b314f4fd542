import { z } from 'zod';
import type { RoomId } from '../../ids.ts';
import { listMembershipsOfUser, listRoomsOfUser, type Membership } from '../../storage/roomserver/membership.ts';
import { defineOperation } from '../define-operation.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * The rooms that a user has joined, as far as they are known here: of a user of another server those with local users.
 * Synapse: `GET /_synapse/admin/v1/users/{userId}/joined_rooms`.
 */
export const listJoinedRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ userId: userIdInput }),
  run: async ({ db }, { userId }): Promise<RoomId[]> =>
    (await listRoomsOfUser(db, userId)).filter(({ membership }) => membership === 'join').map(({ roomId }) => roomId),
});

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
