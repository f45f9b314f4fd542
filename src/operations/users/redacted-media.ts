import type { Knex } from 'knex';
import { splitUserId, type UserId } from '../../ids.ts';
import { type MediaKey, mediaOfEvent, mediaUri } from '../../matrix/media-uris.ts';
import { listUnprotectedMediaOf } from '../../storage/mediaapi/media.ts';
import { deleteMedia } from '../../storage/plugin/media-removals.ts';
import { insertQuarantines } from '../../storage/plugin/media-standings.ts';
import type { UserEvent } from '../../storage/syncapi/user-events.ts';
import { nameOf } from '../actor.ts';
import type { IncludedOperation, JobScope } from '../define-operation.ts';

/** What `redactUserEvents` can do with the media that the redacted events use. */
export const REDACTED_MEDIA = ['keep', 'quarantine', 'delete'] as const;
export type RedactedMedia = (typeof REDACTED_MEDIA)[number];

/**
 * Returns the operation on media that is a part of `redactUserEvents`, or none for `keep`. The host's hooks for this operation
 * can then refuse the redaction.
 */
export function includedBy(media: RedactedMedia, userId: UserId, dryRun: boolean): readonly IncludedOperation[] {
  if (media === 'keep') return [];
  if (media === 'quarantine') return [{ operation: 'quarantineUserMedia', input: { userId, dryRun } }];
  return [{ operation: 'deleteUserMedia', input: { userId, limit: 10_000, from: 0, dryRun } }];
}

/**
 * Quarantines or deletes media that redacted events use, in the transaction that redacts the events. Leaves out media that
 * other people have uploaded, because otherwise users could get the media of others removed by naming these media in messages.
 * For a remote user, treats all of these media that are from the user's server, because only that server knows who has uploaded
 * them. Leaves out protected media, which administrators have excepted from quarantine.
 * @param events the events with the contents that they had before their redaction
 * @returns the number of media that were quarantined or deleted
 */
export async function treatMedia(
  { actor, localServerNames }: Pick<JobScope, 'actor' | 'localServerNames'>,
  transaction: Knex.Transaction,
  { userId, media }: { readonly userId: UserId; readonly media: RedactedMedia },
  events: readonly UserEvent[],
): Promise<number> {
  if (media === 'keep') return 0;
  const { serverName } = splitUserId(userId);
  const named = new Map<string, MediaKey>();
  for (const { json } of events) for (const key of mediaOfEvent(json)) named.set(mediaUri(key), key);
  const owner = localServerNames.includes(serverName) ? { uploader: userId } : { origin: serverName };
  const keys = await listUnprotectedMediaOf(transaction, owner, [...named.values()], media === 'quarantine');
  if (media === 'delete') return (await deleteMedia(transaction, keys)).length;
  return insertQuarantines(transaction, keys, nameOf(actor));
}
