import { z } from 'zod';
import { ACCOUNT_TYPE } from '../../accounts/account-type.ts';
import { MatrixError } from '../../errors.ts';
import type { UserId } from '../../ids.ts';
import {
  deleteRestriction,
  insertRestriction,
  listRestrictions,
  type Restriction,
} from '../../storage/plugin/account-restrictions.ts';
import { type Account, findAccount, lockAccount } from '../../storage/userapi/accounts.ts';
import { nameOf } from '../actor.ts';
import { defineOperation, type ReadScope, type WriteScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { isOwnAccount, requireLocal, userNotFound } from '../users/local-account.ts';
import { userIdInput } from '../users/user-id-input.ts';

/**
 * Tells whether an account has a restriction. Source: Client-Server API, "Server administration".
 * @throws MatrixError `M_INVALID_PARAM` if the user belongs to another server, `M_NOT_FOUND` if there is no such account or the
 * account is deactivated, `M_FORBIDDEN` if the account belongs to another administrator
 */
async function isRestricted(scope: ReadScope, userId: UserId, restriction: Restriction): Promise<boolean> {
  refuseAdmin(scope, userId, await requireActive(scope, userId, (id) => findAccount(scope.db, id)));
  return (await listRestrictions(scope.db, userId)).includes(restriction);
}

/**
 * Restricts an account, or lifts the restriction. A restriction can be lifted from an administrator, because the user may have
 * got the restriction before becoming an administrator.
 * @throws MatrixError `M_INVALID_PARAM` if the user belongs to another server, `M_NOT_FOUND` if there is no such account or the
 * account is deactivated, `M_FORBIDDEN` if the account is the caller's own, or if an administrator would be restricted
 */
export async function changeRestriction(
  scope: WriteScope,
  userId: UserId,
  restriction: Restriction,
  wanted: boolean,
): Promise<void> {
  const { transaction, standings, userTotals } = scope;
  if (isOwnAccount(scope.actor, userId))
    throw new MatrixError('M_FORBIDDEN', 'You can not do this to your own account');
  // The lock on the account's row prevents a concurrent call from making the user an administrator.
  const account = await requireActive(scope, userId, (id) => lockAccount(transaction, id));
  if (wanted) {
    refuseAdmin(scope, userId, account);
    await insertRestriction(transaction, userId, restriction, nameOf(scope.actor));
  } else {
    await deleteRestriction(transaction, userId, restriction);
  }
  scope.afterCommit(() => {
    standings.forget(userId);
    userTotals.forget();
    scope.announce({ users: [userId] });
  });
}

async function requireActive(
  scope: ReadScope,
  userId: UserId,
  find: (userId: UserId) => Promise<Account | undefined>,
): Promise<Account> {
  requireLocal(scope, userId, 'User does not belong to the local server');
  const account = await find(userId);
  if (account === undefined || account.isDeactivated) throw userNotFound();
  return account;
}

function refuseAdmin(scope: ReadScope, userId: UserId, account: Account): void {
  if (account.accountType === ACCOUNT_TYPE.admin && !isOwnAccount(scope.actor, userId)) {
    throw new MatrixError('M_FORBIDDEN', 'The user is a server administrator');
  }
}

/**
 * Tells whether a user is suspended. Source: Client-Server API 1.18, `GET /_matrix/client/v1/admin/suspend/{userId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user, or if the account is deactivated
 * @throws MatrixError `M_FORBIDDEN` if the user is another administrator
 */
export const getUserSuspended = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  run: async (scope, { userId }): Promise<{ suspended: boolean }> => ({
    suspended: await isRestricted(scope, userId, 'suspended'),
  }),
});

/**
 * Suspends a user, or ends the suspension. A suspended user can read, leave rooms and redact events, but can send nothing else.
 * Source: Client-Server API 1.18, `PUT /_matrix/client/v1/admin/suspend/{userId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user, or if the account is deactivated
 * @throws MatrixError `M_FORBIDDEN` if the user is the caller, or if `suspended` is `true` and the user is an administrator
 */
export const setUserSuspended = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** `true` suspends the user. `false` ends the suspension. */
    suspended: z.boolean(),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, suspended }): Promise<{ suspended: boolean }> => {
    await changeRestriction(scope, userId, 'suspended', suspended);
    return { suspended };
  },
});

/**
 * Tells whether a user is locked out. Source: Client-Server API 1.18, `GET /_matrix/client/v1/admin/lock/{userId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user, or if the account is deactivated
 * @throws MatrixError `M_FORBIDDEN` if the user is another administrator
 */
export const getUserLocked = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  run: async (scope, { userId }): Promise<{ locked: boolean }> => ({
    locked: await isRestricted(scope, userId, 'locked'),
  }),
});

/**
 * Locks a user out, or lifts the lock. The homeserver keeps the user's devices and keys, so that the user can go on using the
 * devices when the lock is lifted. Source: Client-Server API 1.18, `PUT /_matrix/client/v1/admin/lock/{userId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user, or if the account is deactivated
 * @throws MatrixError `M_FORBIDDEN` if the user is the caller, or if `locked` is `true` and the user is an administrator
 */
export const setUserLocked = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** `true` locks the user out. `false` lifts the lock. */
    locked: z.boolean(),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, locked }): Promise<{ locked: boolean }> => {
    await changeRestriction(scope, userId, 'locked', locked);
    return { locked };
  },
});

/**
 * Shadow-bans a user, or lifts the ban. The homeserver answers as if it accepted the user's events, but neither stores nor
 * sends these events. Synapse's routes are `POST` and `DELETE /_synapse/admin/v1/users/{userId}/shadow_ban`. In Synapse,
 * administrators can be banned too.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user, or if the account is deactivated
 * @throws MatrixError `M_FORBIDDEN` if the user is the caller, or if `shadowBanned` is `true` and the user is an administrator
 */
export const setUserShadowBanned = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** `true` bans the user. `false` lifts the ban. */
    shadowBanned: z.boolean(),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, shadowBanned }): Promise<{ shadowBanned: boolean }> => {
    await changeRestriction(scope, userId, 'shadow_banned', shadowBanned);
    return { shadowBanned };
  },
});
