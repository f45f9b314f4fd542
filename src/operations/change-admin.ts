import { ACCOUNT_TYPE } from '../accounts/account-type.ts';
import { requireOtherAdmin } from '../accounts/require-other-admin.ts';
import { MatrixError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import { type Account, updateAccountType } from '../storage/userapi/accounts.ts';
import type { Actor } from './actor.ts';
import type { OperationScope } from './define-operation.ts';
import { isOwnAccount } from './local-account.ts';

/**
 * What `changeAdmin()` refuses before it looks at other accounts.
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
 * @throws MatrixError as `checkAdminChange()`, and `M_BAD_STATE` for the last administrator
 */
export async function changeAdmin(
  { transaction, actor }: OperationScope,
  userId: UserId,
  account: Account,
  isAdmin: boolean,
): Promise<void> {
  checkAdminChange(actor, userId, account, isAdmin);
  if (isAdmin === (account.accountType === ACCOUNT_TYPE.admin)) return;
  if (!isAdmin) await requireOtherAdmin(transaction, userId, account);
  const former = account.appserviceId === null ? ACCOUNT_TYPE.user : ACCOUNT_TYPE.appservice;
  await updateAccountType(transaction, userId, isAdmin ? ACCOUNT_TYPE.admin : former);
}
