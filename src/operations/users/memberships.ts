import type { RoomId } from '../../ids.ts';
import { listMembershipsOfUser, listRoomsOfUser, type Membership } from '../../storage/roomserver/membership.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Lists the rooms that a user has joined. Of a remote user's rooms, the list contains only those that the homeserver knows. The
 * list is empty for an unknown user. Synapse's route is `GET /_synapse/admin/v1/users/{userId}/joined_rooms`.
 */
export const listJoinedRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The user, local or remote. */
    userId: userIdInput,
  }),
  run: async ({ db }, { userId }): Promise<RoomId[]> =>
    (await listRoomsOfUser(db, userId)).filter(({ membership }) => membership === 'join').map(({ roomId }) => roomId),
});

/**
 * Lists a user's membership in each room, except rooms that the user has forgotten. The list is empty for an unknown user.
 * Synapse's route is `GET /_synapse/admin/v1/users/{userId}/memberships`.
 */
export const listMemberships = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The user, local or remote. */
    userId: userIdInput,
  }),
  run: async ({ db }, { userId }): Promise<{ readonly roomId: RoomId; readonly membership: Membership }[]> =>
    listMembershipsOfUser(db, userId),
});
