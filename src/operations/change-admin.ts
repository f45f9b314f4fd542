import { ACCOUNT_TYPE } from '../accounts/account-type.ts';
import { MatrixError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import { type Account, updateAccountType } from '../storage/userapi/accounts.ts';
import type { Actor } from './actor.ts';
import type { OperationScope } from './define-operation.ts';
import { isOwnAccount } from './local-account.ts';

/**
 * What `changeAdmin()` refuses. That administrators can not demote themselves is all that keeps a server from being without
 * any: two may still demote each other, and any may deactivate itself, as in Synapse. The homeserver's own code can then
 * make another, as actor `system`.
 * @throws MatrixError `M_INVALID_PARAM`
 */
export function checkAdminChange(actor: Actor, userId: UserId, account: Account, isAdmin: boolean): void {
  if (!isAdmin && account.accountType === ACCOUNT_TYPE.admin && isOwnAccount(actor, userId)) {
    throw new MatrixError('M_INVALID_PARAM', 'You may not demote yourself.');
  }
  if (isAdmin && account.accountType === ACCOUNT_TYPE.guest) {
    throw new MatrixError('M_INVALID_PARAM', 'Guests can not be administrators');
  }
}

/**
 * Makes an account an administrator's, or what it was before. It holds from the next request on, since each looks at the
 * account of its access token.
 * @param account locked by the transaction
 * @throws MatrixError as `checkAdminChange()`
 */
export async function changeAdmin(
  { transaction, actor }: OperationScope,
  userId: UserId,
  account: Account,
  isAdmin: boolean,
): Promise<void> {
  checkAdminChange(actor, userId, account, isAdmin);
  if (isAdmin === (account.accountType === ACCOUNT_TYPE.admin)) return;
  const former = account.appserviceId === null ? ACCOUNT_TYPE.user : ACCOUNT_TYPE.appservice;
  await updateAccountType(transaction, userId, isAdmin ? ACCOUNT_TYPE.admin : former);
}
