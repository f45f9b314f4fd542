import { readJoinedRoomCount, readSentInviteCount } from '../../storage/syncapi/sent-memberships.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { timeInput } from '../server/time-input.ts';
import { userIdInput } from './user-id-input.ts';

const input = inputObject({
  /** The user, local or remote. */
  userId: userIdInput,
  /** Only invites or joins at or after this time count. The time is in ms since the epoch. */
  since: timeInput,
});

/**
 * Counts the invites that a user has sent since a time. Invites to rooms that were purged do not count. The count is 0 for an
 * unknown user. Synapse's route is `GET /_synapse/admin/v1/users/{userId}/sent_invite_count`.
 */
export const countSentInvites = defineOperation({
  access: 'admin',
  effect: 'read',
  input,
  run: async ({ db }, { userId, since }): Promise<{ readonly inviteCount: number }> => ({
    inviteCount: await readSentInviteCount(db, userId, since),
  }),
});

/**
 * Counts the rooms that a user has joined since a time, including rooms that the user has left again. Rooms that were purged do
 * not count. The count is 0 for an unknown user. Synapse's route is `GET
 * /_synapse/admin/v1/users/{userId}/cumulative_joined_room_count`.
 */
export const countJoinedRooms = defineOperation({
  access: 'admin',
  effect: 'read',
  input,
  run: async ({ db }, { userId, since }): Promise<{ readonly cumulativeJoinedRoomCount: number }> => ({
    cumulativeJoinedRoomCount: await readJoinedRoomCount(db, userId, since),
  }),
});
