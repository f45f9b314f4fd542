import { MatrixError } from '../../errors.ts';
import { allowKeyReplacement } from '../../storage/plugin/account-attributes.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireLockedAccount, standingChanged } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/** How long the permission lasts, in ms. It is the same time as in Synapse. */
const PERMISSION_MS = 10 * 60_000;

/**
 * Allows a local user to replace their cross-signing keys without authenticating again. The user can do this once, within the
 * next ten minutes. Synapse's route is `POST /_synapse/admin/v1/users/{userId}/_allow_cross_signing_replacement_without_uia`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user, or if the user has no cross-signing keys
 */
export const allowCrossSigningReplacement = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId }): Promise<{ readonly updatableWithoutUiaBeforeMs: number }> => {
    await requireLockedAccount(scope, userId);
    const until = Date.now() + PERMISSION_MS;
    if (!(await allowKeyReplacement(scope.transaction, userId, until))) {
      throw new MatrixError('M_NOT_FOUND', 'User has no master cross-signing key');
    }
    standingChanged(scope, userId);
    return { updatableWithoutUiaBeforeMs: until };
  },
});
