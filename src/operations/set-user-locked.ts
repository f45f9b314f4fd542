import { z } from 'zod';
import { defineOperation } from './define-operation.ts';
import { changeRestriction } from './restrict-account.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Locks a user out, whose devices and keys stay for when the lock is lifted; or lifts it.
 * Client-Server API 1.18, `PUT /_matrix/client/v1/admin/lock/{userId}`.
 */
export const setUserLocked = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ userId: userIdInput, locked: z.boolean() }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, locked }): Promise<{ locked: boolean }> => {
    await changeRestriction(scope, userId, 'locked', locked);
    return { locked };
  },
});
