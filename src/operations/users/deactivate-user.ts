import { z } from 'zod';
import { deactivateAccount } from '../../accounts/deactivate-account.ts';
import { requireOtherAdmin } from '../../accounts/require-other-admin.ts';
import { findAccount, lockAccount } from '../../storage/userapi/accounts.ts';
import { nameOf } from '../actor.ts';
import { defineJobOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { type Evacuation, evacuateUser } from './evacuate-user.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Deactivates a local user's account. One transaction ends all logins and deletes access tokens, devices, device keys and
 * third-party identifiers. With `erase`, it also deletes the profile and records that the homeserver must hide the user's
 * messages. A job then makes the user leave all rooms, as `evacuateUser` does. If the account is already deactivated, all of
 * this is done again. Administrators may deactivate their own account if there is another active administrator. Synapse's route
 * is `POST /_synapse/admin/v1/deactivate/{userId}`.
 */
export const deactivateUser = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** Whether to delete the profile, and to record that the homeserver must hide the user's messages. @defaultValue false */
    erase: z.boolean().default(false),
    /** Only reports which rooms the user would leave. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  includes: ({ userId, dryRun }) => [{ operation: 'evacuateUser', input: { userId, dryRun } }],
  // The key contains `erase`, so that a call with `erase` does not use an unfinished job without it.
  dedupeKey: ({ userId, erase }) => `${userId} ${erase}`,
  begin: async (scope, { userId, erase, dryRun }) => {
    const { transaction, localServerNames, actor } = scope;
    requireLocal(scope, userId, 'Can only deactivate local users');
    // A dry run does not lock the account. The same transaction later locks rooms, and a transaction must lock rooms before
    // accounts.
    const account = await (dryRun ? findAccount(transaction, userId) : lockAccount(transaction, userId));
    if (account === undefined) throw userNotFound();
    await requireOtherAdmin(transaction, userId, account);
    if (dryRun) return;
    const by = nameOf(actor);
    const destinations = await deactivateAccount(transaction, userId, erase ? { by } : undefined, localServerNames);
    scope.afterCommit(() => {
      scope.standings.forget(userId);
      scope.userTotals.forget();
      scope.announce({ users: [userId], destinations });
    });
  },
  run: (work, { userId, dryRun }): Promise<Evacuation> => evacuateUser.run(work, { userId, dryRun }),
});
