import { z } from 'zod';
import { deactivateAccount } from '../../accounts/deactivate-account.ts';
import { requireOtherAdmin } from '../../accounts/require-other-admin.ts';
import type { UserId } from '../../ids.ts';
import type { MediaKey } from '../../matrix/media-uris.ts';
import { readMediaKeysOfUser } from '../../storage/mediaapi/media.ts';
import { findAccount, lockAccount } from '../../storage/userapi/accounts.ts';
import { nameOf } from '../actor.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { type DeletionCounts, deleteAsPart, NOTHING_DELETED, withoutKept } from '../media/deleted-media.ts';
import { type MediaChoice, mediaChoiceInput, requireChoice } from '../media/media-choice.ts';
import { type Evacuation, evacuateUser } from './evacuate-user.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Deactivates a local user's account. One transaction ends all logins and deletes access tokens, devices, device keys and
 * third-party identifiers. With `erase`, it also deletes the profile and records that the homeserver must hide the user's
 * messages. A job then makes the user leave all rooms, as `evacuateUser` does. If the account is already deactivated, all of
 * this is done again. Administrators may deactivate their own account if there is another active administrator. Synapse's route
 * is `POST /_synapse/admin/v1/deactivate/{userId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 * @throws MatrixError `M_BAD_STATE` if media are to be deleted and the homeserver lends no store of media files
 * @throws MatrixError 409 `M_BAD_STATE` if the user is the last administrator
 */
export const deactivateUser = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** Whether to delete the profile, and to record that the homeserver must hide the user's messages. @defaultValue false */
    erase: z.boolean().default(false),
    /**
     * What to do with the media that the user has uploaded. `keep`: keeps them. `unused`: deletes media to which nothing refers
     * except the user's own profile. `all`: deletes all of them. @defaultValue `keep`
     */
    media: mediaChoiceInput,
    /** Only reports which rooms the user would leave, and how many media would be deleted. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  includes: ({ userId, media, dryRun }) => [
    { operation: 'evacuateUser', input: { userId, dryRun } },
    ...(media === 'keep' ? [] : [{ operation: 'deleteUserMedia', input: { userId, limit: 10_000, from: 0, dryRun } }]),
  ],
  // The key contains `erase`, so that a call with `erase` does not use an unfinished job without it.
  dedupeKey: ({ userId, erase }) => `${userId} ${erase}`,
  begin: async (scope, { userId, erase, media, dryRun }) => {
    const { transaction, localServerNames, actor } = scope;
    requireLocal(scope, userId, 'Can only deactivate local users');
    requireChoice(scope, media);
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
  run: async (
    work: JobScope<Progress>,
    { userId, media: choice, dryRun },
  ): Promise<Evacuation & { readonly media?: DeletionCounts }> => {
    const { media: before, evacuation: leftBefore } = work.checkpoint ?? {};
    let evacuation = leftBefore;
    const commit: JobScope['commit'] = (step) =>
      work.commit(async (transaction, afterCommit) => {
        const done = await step(transaction, afterCommit);
        evacuation = done.checkpoint;
        return { ...done, checkpoint: { evacuation, media: before } };
      });
    const left = await evacuateUser.run({ ...work, checkpoint: leftBefore, commit }, { userId, dryRun });
    if (choice === 'keep') return left;
    const media = await deleteAsPart(work, mediaOf(work, userId, choice), before ?? NOTHING_DELETED, (change) =>
      work.commit(async (transaction) => {
        const counts = await change(transaction);
        return { checkpoint: { evacuation, media: counts }, phase: 'media', value: counts };
      }),
    );
    return { ...left, media };
  },
});

/** The checkpoint: the checkpoint of the evacuation, and counts of the media that have been deleted. */
interface Progress {
  readonly evacuation?: object | undefined;
  readonly media?: DeletionCounts | undefined;
}

/** Yields the user's media that may be deleted. */
async function* mediaOf(
  work: JobScope<Progress>,
  userId: UserId,
  choice: MediaChoice,
): AsyncGenerator<readonly MediaKey[], void, undefined> {
  const keys = await readMediaKeysOfUser(work.reader(), userId);
  yield* withoutKept(work, keys, { keep: choice === 'unused' ? 'named' : 'nothing', except: { exceptUser: userId } });
}
