import type { UserId } from '../../ids.ts';
import { countErasable, deleteErasable, type ErasableData } from '../../storage/erasable-data.ts';
import type { JobScope } from '../define-operation.ts';
import type { redactUserEvents } from './redact-user-events.ts';

/**
 * The next three constants list the kinds of data that the input field `remove` of `deactivateUser` can name. The job of
 * `deactivateUser` redacts the events of the kinds in `REDACTABLE`, and deletes the data of the kinds in `DELETABLE`.
 * `REMOVABLE` has all kinds.
 */
const REDACTABLE = ['messages', 'profile'] as const;
const DELETABLE = ['account_data', 'key_backups', 'reports'] as const satisfies readonly ErasableData[];
export const REMOVABLE = [...REDACTABLE, ...DELETABLE] as const;

export type Redactable = (typeof REDACTABLE)[number];
export type Removable = (typeof REMOVABLE)[number];

/** For each kind, the number of redacted events or deleted rows. In a dry run, the number that would be redacted or deleted. */
export type ErasedData = { readonly [Kind in Removable]?: number };

/**
 * The event types that are redacted for each kind. Of member events, `redactUserEvents` redacts only joins, which contain the
 * display name and the avatar of the user.
 */
const TYPES: Readonly<Record<Redactable, string[]>> = {
  messages: ['m.room.message', 'm.room.encrypted', 'm.sticker', 'm.reaction'],
  profile: ['m.room.member'],
};

export const isRedactable = (kind: Removable): kind is Redactable => kind in TYPES;

/** Returns the input for `redactUserEvents` with which it redacts the user's events of the given kinds, in all rooms. */
export const redactionOf = (
  userId: UserId,
  kinds: readonly Redactable[],
  dryRun: boolean,
): Parameters<typeof redactUserEvents.run>[1] => ({
  userId,
  rooms: [],
  limit: Number.MAX_SAFE_INTEGER,
  useAdmin: false,
  types: kinds.flatMap((kind) => TYPES[kind]),
  media: 'keep',
  dryRun,
});

/**
 * Deletes a user's data of those of the given kinds that are in `DELETABLE`, in one step of the job. In a dry run, only counts
 * the data.
 * @param progress the checkpoint that the step stores
 * @returns the number of rows of each kind
 */
export function deleteData<Progress extends object>(
  { commit, dryRun }: Pick<JobScope<Progress>, 'commit' | 'dryRun'>,
  progress: Progress,
  userId: UserId,
  kinds: readonly Removable[],
): Promise<ErasedData> {
  return commit(async (transaction) => {
    const deleted: [ErasableData, number][] = [];
    for (const kind of DELETABLE.filter((candidate) => kinds.includes(candidate))) {
      deleted.push([kind, await (dryRun ? countErasable : deleteErasable)(transaction, kind, userId)]);
    }
    return { checkpoint: progress, phase: 'delete', value: Object.fromEntries(deleted) };
  });
}
