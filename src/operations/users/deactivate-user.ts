import { z } from 'zod';
import { deactivateAccount } from '../../accounts/deactivate-account.ts';
import { requireOtherAdmin } from '../../accounts/require-other-admin.ts';
import { findAccount, lockAccount } from '../../storage/userapi/accounts.ts';
import { nameOf } from '../actor.ts';
import { defineJobOperation } from '../define-operation.ts';
import { type Evacuation, evacuateUser } from './evacuate-user.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Deactivates a local user's account, be it deactivated already: at once and in one transaction nobody can log in any more,
 * all access tokens, devices, their keys and the user's third-party identifiers are gone. With `erase` so is the profile; that
 * the messages are not to be shown is noted and left to the homeserver. A job then makes the user leave all rooms, as
 * `evacuateUser` does. Administrators may deactivate themselves, but not the last who can act.
 * Synapse: `POST /_synapse/admin/v1/deactivate/{userId}`.
 */
export const deactivateUser = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: z.object({
    userId: userIdInput,
    erase: z.boolean().default(false),
    /** Tells which rooms the user would leave. */
    dryRun: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  includes: ({ userId, dryRun }) => [{ operation: 'evacuateUser', input: { userId, dryRun } }],
  // A user may be erased while the job of an earlier call still works.
  dedupeKey: ({ userId, erase }) => `${userId} ${erase}`,
  begin: async (scope, { userId, erase, dryRun }) => {
    const { transaction, localServerNames, actor } = scope;
    requireLocal(scope, userId, 'Can only deactivate local users');
    // A dry run goes on in the same transaction to lock rooms, which others lock before accounts: it only looks.
    const account = await (dryRun ? findAccount(transaction, userId) : lockAccount(transaction, userId));
    if (account === undefined) throw userNotFound();
    await requireOtherAdmin(transaction, userId, account);
    if (dryRun) return;
    const by = nameOf(actor);
    const destinations = await deactivateAccount(transaction, userId, erase ? { by } : undefined, localServerNames);
    scope.afterCommit(() => {
      scope.restrictions.forget(userId);
      scope.userTotals.forget();
      scope.announce({ users: [userId], destinations });
    });
  },
  run: (work, { userId, dryRun }): Promise<Evacuation> => evacuateUser.run(work, { userId, dryRun }),
});
