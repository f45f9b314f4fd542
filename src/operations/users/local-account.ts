import { MatrixError } from '../../errors.ts';
import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import { type Account, findAccount, lockAccount } from '../../storage/userapi/accounts.ts';
import type { Actor } from '../actor.ts';
import type { ReadScope, WriteScope } from '../define-operation.ts';

/**
 * Checks that a user is local.
 * @throws MatrixError `M_INVALID_PARAM` with the message `text` if the user belongs to another server
 */
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
 * Checks that a user is local and has an account, active or deactivated.
 * @throws MatrixError `M_INVALID_PARAM` if the user belongs to another server, `M_NOT_FOUND` if the account does not exist
 */
export async function requireAccount(scope: ReadScope, userId: UserId): Promise<void> {
  requireLocal(scope, userId, REMOTE);
  if ((await findAccount(scope.db, userId)) === undefined) throw userNotFound();
}

/**
 * Finds an account, and locks it until the end of the transaction. Every change of the user's devices locks the account first.
 * Without this lock, two changes could lock the same devices in different orders and deadlock.
 * @param remote message of the error if the user belongs to another server
 * @throws MatrixError the same errors as `requireAccount()`
 */
export async function requireLockedAccount(scope: WriteScope, userId: UserId, remote = REMOTE): Promise<Account> {
  requireLocal(scope, userId, remote);
  const account = await lockAccount(scope.transaction, userId);
  if (account === undefined) throw userNotFound();
  return account;
}

/**
 * After the commit, removes an account from `standings`, and tells the host that the account has changed. `standings` is a
 * cache of administrators' decisions about accounts, such as locks.
 */
export function standingChanged({ standings, announce, afterCommit }: WriteScope, userId: UserId): void {
  afterCommit(() => {
    standings.forget(userId);
    announce({ users: [userId] });
  });
}

/**
 * Tells whether an account is the actor's own. Ignores the case of the actor's localpart, because an access token may spell the
 * localpart in another way.
 */
export function isOwnAccount(actor: Actor, userId: UserId): boolean {
  if (actor.kind === 'system') return false;
  const { localpart, serverName } = splitUserId(actor.userId);
  return actor.userId === userId || userIdOf(localpart.toLowerCase(), serverName) === userId;
}
