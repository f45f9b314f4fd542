import { ACCOUNT_TYPE } from '../../accounts/account-type.ts';
import { checkUsername } from '../../accounts/check-username.ts';
import { createAccountIfFree } from '../../accounts/create-account.ts';
import { deactivateAccount } from '../../accounts/deactivate-account.ts';
import { logOut } from '../../accounts/log-out.ts';
import { MatrixError } from '../../errors.ts';
import { type ServerName, splitUserId, type UserId } from '../../ids.ts';
import { forgetErasure, setUserType } from '../../storage/plugin/account-attributes.ts';
import { listRestrictions } from '../../storage/plugin/account-restrictions.ts';
import { findUnfinishedJob } from '../../storage/plugin/jobs.ts';
import { findAccount, lockAccount, updateDeactivation, updatePasswordHash } from '../../storage/userapi/accounts.ts';
import { updateProfile } from '../../storage/userapi/profiles.ts';
import { replaceThreepids } from '../../storage/userapi/threepids.ts';
import { defineOperation, type WriteOperation, type WriteScope } from '../define-operation.ts';
import { changeRestriction } from '../moderation/account-restrictions.ts';
import { dedupeKeyOf, queueJob } from '../queue-job.ts';
import { deactivateUser } from './deactivate-user.ts';
import { readUser, type UserDetails } from './get-user.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { changeAdmin } from './user-admin.ts';
import { checkUserChanges, type UserChanges, userChanges } from './user-changes.ts';

const DEACTIVATION = 'deactivateUser';

const deactivationOf = (userId: UserId, erase = false): Parameters<typeof deactivateUser.dedupeKey>[0] => ({
  userId,
  erase,
  remove: [],
  media: 'keep',
  dryRun: false,
});

/** The user after the changes. `created` tells whether the call has created the user. */
export interface SetUser {
  readonly created: boolean;
  readonly user: UserDetails;
}

/**
 * Changes or creates a local user in one transaction. If the display name or the avatar changes, the plugin changes the profile
 * and tells the host. The host must then update the member events in the user's rooms. `deactivated: true` starts the job of
 * `deactivateUser` and does not wait for it. A new user needs no such job. `deactivated: false` activates a deactivated account
 * again. This needs a new password, and fails as long as the job of the deactivation has not ended. Synapse's route is `PUT
 * /_synapse/admin/v2/users/{userId}`. Unlike this operation, Synapse makes the changes one after another, and may fail after
 * some of them.
 * @throws MatrixError `M_NOT_FOUND` if the account is deleted during the call
 * @throws MatrixError `M_INVALID_USERNAME`, `M_EXCLUSIVE` or `M_USER_IN_USE` if a new account may not have the username
 * @throws MatrixError `M_MISSING_PARAM` if the password is empty
 * @throws MatrixError `M_WEAK_PASSWORD` if the password is too short, `M_BAD_JSON` if the username or the password is too long
 * @throws MatrixError 409 `M_BAD_STATE` if the user is the last administrator, if the job of the deactivation has not ended, or
 * if another call has deactivated or reactivated the user at the same time
 */
export const setUser: WriteOperation<typeof userChanges, SetUser, string | undefined> = defineOperation({
  access: 'admin',
  effect: 'write',
  input: userChanges,
  target: ({ userId }) => userId,
  includes: ({ userId, deactivated }) => {
    if (deactivated !== true) return [];
    return [{ operation: DEACTIVATION, input: deactivationOf(userId) }];
  },
  prepare: async (scope, changes): Promise<string | undefined> => {
    const { userId, password } = changes;
    requireLocal(scope, userId, 'This endpoint can only be used with local users');
    const account = await findAccount(scope.db, userId);
    if (account === undefined) {
      const { localpart, serverName } = splitUserId(userId);
      if (checkUsername(localpart, serverName, scope) !== userId) {
        throw new MatrixError('M_INVALID_USERNAME', 'The username must be in lower case');
      }
    }
    checkUserChanges(scope.actor, account, changes);
    return typeof password === 'string' ? scope.hashPassword(password) : undefined;
  },
  run: async (scope, changes, passwordHash): Promise<SetUser> => {
    const { userId } = changes;
    const found = await findAccount(scope.transaction, userId);
    const created = found === undefined ? await create(scope, changes, passwordHash ?? '') : undefined;
    const destinations = created ?? (await change(scope, changes, passwordHash));
    await changeAttributes(scope, changes);
    scope.afterCommit(() => {
      scope.userTotals.forget();
      scope.announce({ users: [userId], destinations });
    });
    return { created: created !== undefined, user: await readUser(scope.transaction, userId) };
  },
});

/**
 * Creates the user with the values of the input. The caller must set the user type and the restrictions.
 * @returns the servers for which an update of the device list was queued; `undefined` if a concurrent call has created the
 * account
 */
async function create(
  { transaction, localServerNames }: WriteScope,
  { userId, displayName, avatarUrl, threepids, admin, deactivated }: UserChanges,
  passwordHash: string,
): Promise<readonly ServerName[] | undefined> {
  const accountType = admin === true ? ACCOUNT_TYPE.admin : ACCOUNT_TYPE.user;
  if (!(await createAccountIfFree(transaction, { userId, passwordHash, accountType, displayName, avatarUrl })))
    return undefined;
  if (deactivated === true) return deactivateAccount(transaction, userId, undefined, localServerNames);
  if (threepids !== undefined) await replaceThreepids(transaction, userId, threepids);
  return [];
}

async function change(
  scope: WriteScope,
  changes: UserChanges,
  passwordHash: string | undefined,
): Promise<readonly ServerName[]> {
  const { transaction, actor } = scope;
  const { userId, displayName, avatarUrl, threepids, admin, deactivated } = changes;
  // Reads the account without a lock, because a transaction must lock the job of a deactivation before it locks the account.
  const before = await findAccount(transaction, userId);
  if (before === undefined) throw userNotFound();
  checkUserChanges(actor, before, changes);
  if (deactivated === true && !before.isDeactivated) {
    await queueJob(scope, DEACTIVATION, deactivateUser, deactivationOf(userId));
  }
  const account = await lockAccount(transaction, userId);
  if (account === undefined) throw userNotFound();
  if (account.isDeactivated !== (before.isDeactivated || deactivated === true)) {
    throw new MatrixError('M_BAD_STATE', 'The account was changed meanwhile', { status: 409 });
  }
  if (admin !== undefined) await changeAdmin(scope, userId, account, admin);
  if (account.isDeactivated && deactivated === false) await reactivate(scope, userId);
  if (displayName !== undefined || avatarUrl !== undefined) {
    await updateProfile(transaction, userId, { displayName, avatarUrl });
  }
  if (threepids !== undefined && deactivated !== true) await replaceThreepids(transaction, userId, threepids);
  return passwordHash === undefined ? [] : setPassword(scope, changes, passwordHash);
}

async function setPassword(
  { transaction, localServerNames }: WriteScope,
  { userId, logoutDevices }: UserChanges,
  passwordHash: string,
): Promise<readonly ServerName[]> {
  await updatePasswordHash(transaction, userId, passwordHash);
  if (!logoutDevices) return [];
  return (await logOut(transaction, userId, undefined, localServerNames)).destinations;
}

/**
 * Activates an account again. If the user was erased, removes the record of this.
 * @throws MatrixError 409 `M_BAD_STATE` if the job of the deactivation has not ended
 */
async function reactivate({ transaction }: WriteScope, userId: UserId): Promise<void> {
  for (const erase of [false, true]) {
    const key = dedupeKeyOf(DEACTIVATION, deactivateUser, deactivationOf(userId, erase));
    const job = await findUnfinishedJob(transaction, key);
    if (job !== undefined) {
      const fields = { job_id: job.id };
      throw new MatrixError('M_BAD_STATE', 'The user is still leaving rooms', { status: 409, fields });
    }
  }
  await updateDeactivation(transaction, userId, false);
  await forgetErasure(transaction, userId);
}

/**
 * Changes the user type and the restrictions of the account, which the plugin stores in its own tables. Restrictions that
 * already have the wanted value do not change.
 */
async function changeAttributes(scope: WriteScope, changes: UserChanges): Promise<void> {
  const { userId, userType } = changes;
  if (userType !== undefined) await setUserType(scope.transaction, userId, userType);
  const current = await listRestrictions(scope.transaction, userId);
  const wanted = { locked: changes.locked, suspended: changes.suspended, shadow_banned: changes.shadowBanned };
  for (const restriction of ['locked', 'suspended', 'shadow_banned'] as const) {
    const isWanted = wanted[restriction];
    if (isWanted !== undefined && isWanted !== current.includes(restriction)) {
      await changeRestriction(scope, userId, restriction, isWanted);
    }
  }
}
