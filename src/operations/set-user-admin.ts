import { z } from 'zod';
import { lockAccount } from '../storage/userapi/accounts.ts';
import { changeAdmin } from './change-admin.ts';
import { defineOperation } from './define-operation.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Makes a local user an administrator, or takes it back, from the next request on.
 * Synapse: `PUT /_synapse/admin/v1/users/{userId}/admin`.
 */
export const setUserAdmin = defineOperation({
  access: 'admin',
  effect: 'write',
  input: z.object({ userId: userIdInput, admin: z.boolean() }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, admin }): Promise<{ admin: boolean }> => {
    requireLocal(scope, userId, 'Only local users can be admins of this homeserver');
    const account = await lockAccount(scope.transaction, userId);
    if (account === undefined) throw userNotFound();
    await changeAdmin(scope, userId, account, admin);
    scope.afterCommit(() => {
      scope.userTotals.forget();
      scope.announce({ users: [userId] });
    });
    return { admin };
  },
});
