import { z } from 'zod';
import { listThreepids, type Threepid } from '../storage/userapi/threepids.ts';
import { findUser, type User } from '../storage/userapi/users.ts';
import { defineOperation } from './define-operation.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/** All that is known of a user. */
export interface UserDetails extends User {
  readonly threepids: readonly Threepid[];
}

/** One local user, be the account deactivated. Synapse: `GET /_synapse/admin/v2/users/{userId}`. */
export const getUser = defineOperation({
  access: 'admin',
  effect: 'read',
  input: z.object({ userId: userIdInput }),
  run: async (scope, { userId }): Promise<UserDetails> => {
    requireLocal(scope, userId, 'Can only look up local users');
    const user = await findUser(scope.db, userId);
    if (user === undefined) throw userNotFound();
    return { ...user, threepids: await listThreepids(scope.db, userId) };
  },
});
