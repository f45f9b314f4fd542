import { ACCOUNT_TYPE } from '../accounts/account-type.ts';
import { MatrixError } from '../errors.ts';
import type { Actor } from '../operations/actor.ts';
import type { Access } from '../operations/define-operation.ts';
import type { Db } from '../storage/database.ts';
import { findAccountType } from '../storage/userapi/accounts.ts';

/**
 * Refuses account types that may not run any operation with this `access`. Rules and texts are Dendrite's: administrators
 * are accounts of type 3, and guests get an error code of their own.
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
 * Refuses an actor whose rights have changed since `authoriseActor()`, for example an administrator who was demoted meanwhile.
 * @throws MatrixError `M_FORBIDDEN` or `M_GUEST_ACCESS_FORBIDDEN`
 */
export async function authoriseAgain(db: Db, actor: Actor, access: Access, target: string | undefined): Promise<void> {
  if (actor.kind === 'system') return;
  // The account type of the first check is left out, so that it is read again.
  const { kind, userId } = actor;
  await authoriseActor(db, { kind, userId }, access, target);
}

/**
 * Refuses an actor who may not run the operation on its target.
 * @throws MatrixError `M_FORBIDDEN` or `M_GUEST_ACCESS_FORBIDDEN`
 */
export async function authoriseActor(db: Db, actor: Actor, access: Access, target: string | undefined): Promise<void> {
  if (actor.kind === 'system' || access === 'open') return;
  const accountType = actor.accountType ?? (await findAccountType(db, actor.userId));
  requireAccountType(access, accountType);
  if (accountType === ACCOUNT_TYPE.admin) return;
  // An actor without an active account may not act on itself either.
  if (accountType === undefined || target !== actor.userId) {
    throw new MatrixError('M_FORBIDDEN', 'userID does not match the current user');
  }
}
