import { z } from 'zod';
import { defineOperation } from './define-operation.ts';
import { changeRestriction } from './restrict-account.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Suspends a user, who can then look, leave and redact, and send nothing else; or ends that.
 * Client-Server API 1.18, `PUT /_matrix/client/v1/admin/suspend/{userId}`.
 */
export const setUserSuspended = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ userId: userIdInput, suspended: z.boolean() }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, suspended }): Promise<{ suspended: boolean }> => {
    await changeRestriction(scope, userId, 'suspended', suspended);
    return { suspended };
  },
});
