import { MatrixError } from '../../errors.ts';
import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import { type Account, findAccount, lockAccount } from '../../storage/userapi/accounts.ts';
import type { Actor } from '../actor.ts';
import type { OperationScope, ReadScope } from '../define-operation.ts';

/** @throws MatrixError `M_INVALID_PARAM` with the text for users of other servers */
export function requireLocal(
  { localServerNames }: { readonly localServerNames: readonly string[] },
  userId: UserId,
  text: string,
): void {
  if (!localServerNames.includes(splitUserId(userId).serverName)) throw new MatrixError('M_INVALID_PARAM', text);
}

export const userNotFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'User not found');

const REMOTE = 'Can only look up local users';

/** @throws MatrixError `M_INVALID_PARAM` for users of other servers, `M_NOT_FOUND`. Deactivated users are found */
export async function requireAccount(scope: ReadScope, userId: UserId): Promise<void> {
  requireLocal(scope, userId, REMOTE);
  if ((await findAccount(scope.db, userId)) === undefined) throw userNotFound();
}

/**
 * Finds an account, and locks it until the end of the transaction. Every change of devices locks the account first, because it
 * locks several devices.
 * @throws MatrixError as `requireAccount()`
 */
export async function requireLockedAccount(scope: OperationScope, userId: UserId, remote = REMOTE): Promise<Account> {
  requireLocal(scope, userId, remote);
  const account = await lockAccount(scope.transaction, userId);
  if (account === undefined) throw userNotFound();
  return account;
}

/** After the commit, drops an account from the cache of standings, and tells the host that the account has changed. */
export function standingChanged({ standings, announce, afterCommit }: OperationScope, userId: UserId): void {
  afterCommit(() => {
    standings.forget(userId);
    announce({ users: [userId] });
  });
}

/** Whether an account is the actor's own. Access tokens may spell a user id in other cases; the lower case counts. */
export function isOwnAccount(actor: Actor, userId: UserId): boolean {
  if (actor.kind === 'system') return false;
  const { localpart, serverName } = splitUserId(actor.userId);
  return actor.userId === userId || userIdOf(localpart.toLowerCase(), serverName) === userId;
}
