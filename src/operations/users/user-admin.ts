import { z } from 'zod';
import { ACCOUNT_TYPE } from '../../accounts/account-type.ts';
import { requireOtherAdmin } from '../../accounts/require-other-admin.ts';
import { MatrixError } from '../../errors.ts';
import type { UserId } from '../../ids.ts';
import { type Account, findAccount, lockAccount, updateAccountType } from '../../storage/userapi/accounts.ts';
import type { Actor } from '../actor.ts';
import { defineOperation, type WriteScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { isOwnAccount, requireLocal, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Checks that the actor does not demote their own account, and that a guest does not become an administrator.
 * @throws MatrixError `M_INVALID_PARAM`
 */
export function checkAdminChange(actor: Actor, userId: UserId, account: Account, isAdmin: boolean): void {
  if (!isAdmin && account.accountType === ACCOUNT_TYPE.admin && isOwnAccount(actor, userId)) {
    throw new MatrixError('M_INVALID_PARAM', 'You may not demote yourself.');
  }
  if (isAdmin && account.accountType === ACCOUNT_TYPE.guest) {
    throw new MatrixError('M_INVALID_PARAM', 'Guests can not be administrators');
  }
}

/**
 * Makes a user an administrator, or demotes an administrator. Does nothing if the account already has the wanted type. A
 * demoted account becomes the account of a user or of an application service again. The change takes effect with the user's
 * next request, because each request reads the account of its access token.
 * @param account the user's account; the transaction must have locked this account
 * @throws MatrixError the errors of `checkAdminChange()`, and `M_BAD_STATE` if no administrator would be left
 */
export async function changeAdmin(
  { transaction, actor, standings, afterCommit }: WriteScope,
  userId: UserId,
  account: Account,
  isAdmin: boolean,
): Promise<void> {
  checkAdminChange(actor, userId, account, isAdmin);
  if (isAdmin === (account.accountType === ACCOUNT_TYPE.admin)) return;
  if (!isAdmin) await requireOtherAdmin(transaction, userId, account);
  const former = account.appserviceId === null ? ACCOUNT_TYPE.user : ACCOUNT_TYPE.appservice;
  await updateAccountType(transaction, userId, isAdmin ? ACCOUNT_TYPE.admin : former);
  // `standings` is a cache that also knows whether an administrator is logged in as this user. Such a login ends when the user
  // becomes an administrator.
  afterCommit(() => standings.forget(userId));
}

/**
 * Tells whether a local user is an administrator. Synapse's route is `GET /_synapse/admin/v1/users/{userId}/admin`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const getUserAdmin = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  run: async (scope, { userId }): Promise<{ admin: boolean }> => {
    requireLocal(scope, userId, 'Only local users can be admins of this homeserver');
    const account = await findAccount(scope.db, userId);
    if (account === undefined) throw userNotFound();
    return { admin: account.accountType === ACCOUNT_TYPE.admin };
  },
});

/**
 * Makes a local user an administrator, or demotes an administrator. The change takes effect with the user's next request.
 * Callers cannot demote themselves, and guests cannot become administrators. Synapse's route is `PUT
 * /_synapse/admin/v1/users/{userId}/admin`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 * @throws MatrixError 409 `M_BAD_STATE` if the user is the last administrator
 */
export const setUserAdmin = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** `true` makes the user an administrator. `false` demotes the user. */
    admin: z.boolean(),
  }),
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
