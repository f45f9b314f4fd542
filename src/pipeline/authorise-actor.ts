import { ACCOUNT_TYPE } from '../accounts/account-type.ts';
import { MatrixError } from '../errors.ts';
import type { Actor } from '../operations/actor.ts';
import type { Access } from '../operations/define-operation.ts';
import type { Db } from '../storage/database.ts';
import { findAccountType } from '../storage/userapi/accounts.ts';

/**
 * Refuses an account whose type may run no operation with this `access`. The rules and the error texts are Dendrite's:
 * administrators are accounts of type 3, and guests get their own error code.
 * @throws MatrixError `M_FORBIDDEN` or `M_GUEST_ACCESS_FORBIDDEN`
 */
export function requireAccountType(access: Access, accountType: number | undefined): void {
  if (accountType === ACCOUNT_TYPE.guest) {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guest access not allowed');
  }
  if (access === 'admin' && accountType !== ACCOUNT_TYPE.admin) {
    throw new MatrixError('M_FORBIDDEN', 'This API can only be used by admin users.');
  }
}

/**
 * Checks an actor again after `authoriseActor()`. Refuses the actor if the actor has lost the right to run the operation in the
 * meantime, for example if an administrator was demoted.
 * @throws MatrixError `M_FORBIDDEN` or `M_GUEST_ACCESS_FORBIDDEN`
 */
export async function authoriseAgain(db: Db, actor: Actor, access: Access, target: string | undefined): Promise<void> {
  if (actor.kind === 'system') return;
  // Leave out the account type that the first check found, so that `authoriseActor()` reads it again.
  const { kind, userId } = actor;
  await authoriseActor(db, { kind, userId }, access, target);
}

/**
 * Refuses an actor who may not run the operation on this target.
 * @throws MatrixError `M_FORBIDDEN` or `M_GUEST_ACCESS_FORBIDDEN`
 */
export async function authoriseActor(db: Db, actor: Actor, access: Access, target: string | undefined): Promise<void> {
  if (actor.kind === 'system' || access === 'open') return;
  const accountType = actor.accountType ?? (await findAccountType(db, actor.userId));
  requireAccountType(access, accountType);
  if (accountType === ACCOUNT_TYPE.admin) return;
  // A user who is no administrator may act only on their own account, and only while this account is active.
  if (accountType === undefined || target !== actor.userId) {
    throw new MatrixError('M_FORBIDDEN', 'userID does not match the current user');
  }
}
