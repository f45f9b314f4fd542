import { z } from 'zod';
import { checkPassword } from '../../accounts/check-password.ts';
import { logOut } from '../../accounts/log-out.ts';
import { MatrixError } from '../../errors.ts';
import type { UserId } from '../../ids.ts';
import type { Db } from '../../storage/database.ts';
import { findAccount, updatePasswordHash } from '../../storage/userapi/accounts.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireLocal } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'User does not exist');

/**
 * Sets a local user's password. With `logoutDevices`, the same transaction logs the user out. Dendrite's route is `POST
 * /_dendrite/admin/resetPassword/{userID}`. Unlike this operation, Dendrite does not delete the keys and pushers of the devices
 * that it logs out.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 * @throws MatrixError `M_FORBIDDEN` if the account is deactivated and `deactivated` is not set
 * @throws MatrixError `M_MISSING_PARAM` if the password is empty
 * @throws MatrixError `M_WEAK_PASSWORD` if the password is too short, `M_BAD_JSON` if the password is too long
 */
export const resetPassword = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** The new password. */
    password: z.string(),
    /** Whether to log the user out on all devices. @defaultValue false */
    logoutDevices: z.boolean().default(false),
    /** Whether to set the password even if the account is deactivated. The user still cannot log in. @defaultValue false */
    deactivated: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  prepare: async (scope, { userId, password, deactivated }): Promise<string> => {
    requireLocal(scope, userId, 'can only reset passwords of local users');
    await requireAccount(scope.db, userId, deactivated);
    checkPassword(password);
    return scope.hashPassword(password);
  },
  run: async (scope, { userId, logoutDevices }, passwordHash): Promise<{ loggedOut: number }> => {
    const { transaction, localServerNames } = scope;
    if (!(await updatePasswordHash(transaction, userId, passwordHash))) throw notFound();
    if (!logoutDevices) return { loggedOut: 0 };
    const { deviceIds, destinations } = await logOut(transaction, userId, undefined, localServerNames);
    scope.afterCommit(() => scope.announce({ users: [userId], destinations }));
    return { loggedOut: deviceIds.length };
  },
});

async function requireAccount(db: Db, userId: UserId, deactivated: boolean): Promise<void> {
  const account = await findAccount(db, userId);
  if (account === undefined) throw notFound();
  if (account.isDeactivated && !deactivated) {
    throw new MatrixError(
      'M_FORBIDDEN',
      'The account is deactivated; pass "deactivated": true to set its password all the same',
    );
  }
}
