import { z } from 'zod';
import { defineOperation } from './define-operation.ts';
import { readRestrictions } from './restrict-account.ts';
import { userIdInput } from './user-id-input.ts';

/** Whether a user is suspended. Client-Server API 1.18, `GET /_matrix/client/v1/admin/suspend/{userId}`. */
export const getUserSuspended = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ userId: userIdInput }),
  run: async (scope, { userId }): Promise<{ suspended: boolean }> => {
    const { suspended } = await readRestrictions(scope, userId);
    return { suspended };
  },
});
