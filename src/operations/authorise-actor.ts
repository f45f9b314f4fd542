import { ACCOUNT_TYPE } from '../accounts/account-type.ts';
import { MatrixError } from '../errors.ts';
import type { Db } from '../storage/database.ts';
import { findAccountType } from '../storage/userapi/accounts.ts';
import type { Actor } from './actor.ts';

/** Dendrite's rule and texts: only accounts of type 3, guests told apart. */
export function requireAdmin(accountType: number | undefined): void {
  if (accountType === ACCOUNT_TYPE.guest) {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guest access not allowed');
  }
  if (accountType !== ACCOUNT_TYPE.admin) {
    throw new MatrixError('M_FORBIDDEN', 'This API can only be used by admin users.');
  }
}

/** Refuses everybody who may not run operations. @throws MatrixError as `requireAdmin()` */
export async function authoriseActor(db: Db, actor: Actor): Promise<void> {
  if (actor.kind === 'system') return;
  requireAdmin(actor.accountType ?? (await findAccountType(db, actor.userId)));
}
