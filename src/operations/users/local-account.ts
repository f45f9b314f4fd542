import { MatrixError } from '../../errors.ts';
import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import { type Account, findAccount, lockAccount } from '../../storage/userapi/accounts.ts';
import type { Actor } from '../actor.ts';
import type { ReadScope, WriteScope } from '../define-operation.ts';

/** Requires a local user. @throws MatrixError `M_INVALID_PARAM` with `text` for users of other servers */
export function requireLocal(
  { localServerNames }: { readonly localServerNames: readonly string[] },
  userId: UserId,
  text: string,
): void {
  if (!localServerNames.includes(splitUserId(userId).serverName)) throw new MatrixError('M_INVALID_PARAM', text);
}

export const userNotFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'User not found');

const REMOTE = 'Can only look up local users';

/**
 * Requires an account of a local user. Accepts deactivated accounts.
 * @throws MatrixError `M_INVALID_PARAM` for users of other servers, `M_NOT_FOUND` if the account does not exist
 */
export async function requireAccount(scope: ReadScope, userId: UserId): Promise<void> {
  requireLocal(scope, userId, REMOTE);
  if ((await findAccount(scope.db, userId)) === undefined) throw userNotFound();
}

/**
 * Finds an account, and locks it until the end of the transaction. Every change of devices locks the account first, because the
 * change locks several devices.
 * @throws MatrixError as `requireAccount()`
 */
export async function requireLockedAccount(scope: WriteScope, userId: UserId, remote = REMOTE): Promise<Account> {
  requireLocal(scope, userId, remote);
  const account = await lockAccount(scope.transaction, userId);
  if (account === undefined) throw userNotFound();
  return account;
}

/** After the commit, drops an account from the cache of standings, and tells the host that the account has changed. */
export function standingChanged({ standings, announce, afterCommit }: WriteScope, userId: UserId): void {
  afterCommit(() => {
    standings.forget(userId);
    announce({ users: [userId] });
  });
}

/** Whether an account is the actor's own. Ignores the case of the actor's localpart: access tokens may spell it otherwise. */
export function isOwnAccount(actor: Actor, userId: UserId): boolean {
  if (actor.kind === 'system') return false;
  const { localpart, serverName } = splitUserId(actor.userId);
  return actor.userId === userId || userIdOf(localpart.toLowerCase(), serverName) === userId;
}
