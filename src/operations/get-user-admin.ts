import { z } from 'zod';
import { ACCOUNT_TYPE } from '../accounts/account-type.ts';
import { findAccount } from '../storage/userapi/accounts.ts';
import { defineOperation } from './define-operation.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/** Whether a local user is an administrator. Synapse: `GET /_synapse/admin/v1/users/{userId}/admin`. */
export const getUserAdmin = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ userId: userIdInput }),
  run: async (scope, { userId }): Promise<{ admin: boolean }> => {
    requireLocal(scope, userId, 'Only local users can be admins of this homeserver');
    const account = await findAccount(scope.db, userId);
    if (account === undefined) throw userNotFound();
    return { admin: account.accountType === ACCOUNT_TYPE.admin };
  },
});
