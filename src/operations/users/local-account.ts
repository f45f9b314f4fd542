import { MatrixError } from '../../errors.ts';
import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import type { Actor } from '../actor.ts';

/** @throws MatrixError `M_INVALID_PARAM` with the text for users of other servers */
export function requireLocal(
  { localServerNames }: { readonly localServerNames: readonly string[] },
  userId: UserId,
  text: string,
): void {
  if (!localServerNames.includes(splitUserId(userId).serverName)) throw new MatrixError('M_INVALID_PARAM', text);
}

export const userNotFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'User not found');

/** Whether an account is the actor's own. Access tokens may spell a user id in other cases; the lower case counts. */
export function isOwnAccount(actor: Actor, userId: UserId): boolean {
  if (actor.kind === 'system') return false;
  const { localpart, serverName } = splitUserId(actor.userId);
  return actor.userId === userId || userIdOf(localpart.toLowerCase(), serverName) === userId;
}
