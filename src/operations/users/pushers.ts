import { type Pusher, readPushers } from '../../storage/userapi/pushers.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireAccount } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Lists the pushers of a local user. A pusher says to which app, on which device, push notifications go. Synapse's route is
 * `GET /_synapse/admin/v1/users/{userId}/pushers`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const listPushers = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  run: async (scope, { userId }): Promise<readonly Pusher[]> => {
    await requireAccount(scope, userId);
    return readPushers(scope.db, userId);
  },
});
