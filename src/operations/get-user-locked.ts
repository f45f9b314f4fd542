import { z } from 'zod';
import { defineOperation } from './define-operation.ts';
import { readRestrictions } from './restrict-account.ts';
import { userIdInput } from './user-id-input.ts';

/** Whether a user is locked. Client-Server API 1.18, `GET /_matrix/client/v1/admin/lock/{userId}`. */
export const getUserLocked = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ userId: userIdInput }),
  run: async (scope, { userId }): Promise<{ locked: boolean }> => {
    const { locked } = await readRestrictions(scope, userId);
    return { locked };
  },
});
