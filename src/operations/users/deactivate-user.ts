import { z } from 'zod';
import { deactivateAccount } from '../../accounts/deactivate-account.ts';
import { requireOtherAdmin } from '../../accounts/require-other-admin.ts';
import { MatrixError } from '../../errors.ts';
import type { UserId } from '../../ids.ts';
import type { MediaKey } from '../../matrix/media-uris.ts';
import { readMediaKeysOfUser } from '../../storage/mediaapi/media.ts';
import { findAccount, lockAccount } from '../../storage/userapi/accounts.ts';
import { nameOf } from '../actor.ts';
import { defineJobOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { type DeletionCounts, deleteAsPart, NOTHING_DELETED, withoutKept } from '../media/deleted-media.ts';
import { type MediaChoice, mediaChoiceInput, requireChoice } from '../media/media-choice.ts';
import {
  deleteData,
  type ErasedData,
  isRedactable,
  REMOVABLE,
  type Redactable,
  type Removable,
  redactionOf,
} from './erase-data.ts';
import { type Evacuation, evacuateUser } from './evacuate-user.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { redactUserEvents } from './redact-user-events.ts';
import { userIdInput } from './user-id-input.ts';

/** The result of a deactivation. */
export interface Deactivation extends Evacuation {
  /** How many media were deleted. Absent if the input field `media` is `keep`. */
  readonly media?: DeletionCounts;
  /**
   * For each kind of data in `remove`, the number of redacted events or deleted rows. In a dry run, the numbers that would be
   * redacted or deleted, for all kinds. Absent if the input field `erase` is `false`.
   */
  readonly removed?: ErasedData;
  /** Events that could not be redacted, by reason. Absent if there are none. */
  readonly notRedacted?: readonly { readonly reason: string; readonly events: number }[];
}

/**
 * The checkpoint of the job. The job has four parts: it redacts the user's messages, redacts the user's join events, makes the
 * user leave all rooms, and deletes media and other data. `part` is the current part, and `inner` is the checkpoint of this
 * part.
 */
interface Progress {
  readonly part: Redactable | 'leave' | 'delete';
  readonly inner?: object | undefined;
  readonly removed: ErasedData;
  readonly notRedacted: NonNullable<Deactivation['notRedacted']>;
  readonly evacuation?: Evacuation;
  readonly media?: DeletionCounts;
}

/**
 * Deactivates a local user's account. One transaction ends all logins and deletes access tokens, devices, device keys, e-mail
 * addresses, telephone numbers and restrictions. With `erase`, the transaction also deletes the profile, and records that the
 * homeserver must hide the user's messages. A job then redacts and deletes what `remove` and `media` say, and makes the user
 * leave all rooms, as `evacuateUser` does. If the account is already deactivated, the operation does all of this again.
 * Administrators may deactivate their own account if there is another active administrator. Synapse's route is `POST
 * /_synapse/admin/v1/deactivate/{userId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 * @throws MatrixError `M_BAD_STATE` if `media` is not `keep` and the host provides no store of media files
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
     * What an erasure also removes. `messages`: redacts the user's messages. `profile`: redacts the user's join events, because
     * these events contain the display name and the avatar (leave events do not). `account_data`, `key_backups`: deletes the
     * data of this kind. `reports`: deletes reports by or about the user. Only allowed with `erase`. A dry run with `erase`
     * counts all kinds, whatever `remove` lists. @defaultValue nothing
     */
    remove: z.array(z.enum(REMOVABLE)).max(REMOVABLE.length).default([]),
    /**
     * What happens to the media that the user has uploaded. `keep`: all media stay. `unused`: the job deletes media to which
     * nothing refers except the user's own profile. `all`: the job deletes all media of the user. @defaultValue `keep`
     */
    media: mediaChoiceInput,
    /**
     * Whether to only report which rooms the user would leave, and how much would be redacted or deleted. @defaultValue false
     */
    dryRun: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  includes: ({ userId, remove, media, dryRun }) => [
    { operation: 'evacuateUser', input: { userId, dryRun } },
    ...(media === 'keep' ? [] : [{ operation: 'deleteUserMedia', input: { userId, limit: 10_000, from: 0, dryRun } }]),
    ...(remove.some(isRedactable)
      ? [{ operation: 'redactUserEvents', input: redactionOf(userId, remove.filter(isRedactable), dryRun) }]
      : []),
  ],
  // The key contains `erase`. So a call with `erase` does not wait for an unfinished job that was started without `erase`.
  dedupeKey: ({ userId, erase }) => `${userId} ${erase}`,
  begin: async (scope, { userId, erase, remove, media, dryRun }) => {
    const { transaction, localServerNames, actor } = scope;
    requireLocal(scope, userId, 'Can only deactivate local users');
    requireChoice(scope, media);
    if (remove.length > 0 && !erase) throw new MatrixError('M_INVALID_PARAM', '"remove" needs "erase"');
    // A dry run does not lock the account, because its transaction later locks rooms. All transactions lock rooms before
    // accounts, so that no two of them wait for each other.
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
  run: async (work: JobScope<Progress>, { userId, erase, remove, media: choice, dryRun }): Promise<Deactivation> => {
    const kinds: readonly Removable[] = erase && dryRun ? REMOVABLE : remove;
    const first = kinds.some(isRedactable) ? 'messages' : 'leave';
    let progress: Progress = work.checkpoint ?? { part: first, removed: {}, notRedacted: [] };
    const proceed = async (next: Partial<Progress> & Pick<Progress, 'part'>): Promise<void> => {
      progress = { ...progress, ...next, inner: undefined };
      await work.commit(async () => ({ checkpoint: progress, phase: progress.part, value: undefined }));
    };
    // The job redacts events before the user leaves, because perhaps no other local user may redact events in the room.
    for (const [kind, part] of NEXT_PARTS) {
      if (progress.part !== kind) continue;
      const { redacted, failed = [] } = kinds.includes(kind)
        ? await redactUserEvents.run(partOf(work, progress), redactionOf(userId, [kind], dryRun))
        : { redacted: undefined };
      await proceed({
        part,
        removed: { ...progress.removed, ...(redacted !== undefined && { [kind]: redacted }) },
        notRedacted: [...progress.notRedacted, ...failed.map(({ reason, events }) => ({ reason, events }))],
      });
    }
    if (progress.part === 'leave') {
      const evacuation = await evacuateUser.run(partOf(work, progress), { userId, dryRun });
      await proceed({ part: 'delete', evacuation });
    }
    if (choice !== 'keep') progress = { ...progress, media: await deleteMediaOf(work, progress, userId, choice) };
    const deleted = await deleteData(work, progress, userId, kinds);
    const { evacuation = { affected: [] }, media, removed, notRedacted } = progress;
    return {
      ...evacuation,
      ...(media && { media }),
      ...(erase && { removed: { ...removed, ...deleted } }),
      ...(notRedacted.length > 0 && { notRedacted }),
    };
  },
});

/** Pairs of a part of the job that redacts events, and the part that follows it. */
const NEXT_PARTS = [
  ['messages', 'profile'],
  ['profile', 'leave'],
] as const;

/**
 * Returns the scope with which another operation runs as a part of this job. The other operation's checkpoint is stored as
 * `inner` in the checkpoint of this job.
 */
function partOf(work: JobScope<Progress>, progress: Progress): JobScope {
  return {
    ...work,
    checkpoint: progress.inner,
    commit: (step) =>
      work.commit(async (transaction, afterCommit) => {
        const { checkpoint: inner, ...done } = await step(transaction, afterCommit);
        return { ...done, checkpoint: { ...progress, inner } };
      }),
  };
}

function deleteMediaOf(
  work: JobScope<Progress>,
  progress: Progress,
  userId: UserId,
  choice: MediaChoice,
): Promise<DeletionCounts> {
  return deleteAsPart(work, mediaOf(work, userId, choice), progress.media ?? NOTHING_DELETED, (change) =>
    work.commit(async (transaction) => {
      const media = await change(transaction);
      return { checkpoint: { ...progress, media }, phase: 'media', value: media };
    }),
  );
}

/** Yields the user's media that the job may delete according to `choice`. */
async function* mediaOf(
  work: JobScope<Progress>,
  userId: UserId,
  choice: MediaChoice,
): AsyncGenerator<readonly MediaKey[], void, undefined> {
  const keys = await readMediaKeysOfUser(work.reader(), userId);
  yield* withoutKept(work, keys, { keep: choice === 'unused' ? 'named' : 'nothing', except: { exceptUser: userId } });
}
