import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import { type Account, countOtherAdmins } from '../storage/userapi/accounts.ts';
import { ACCOUNT_TYPE } from './account-type.ts';

/**
 * Refuses to remove the last administrator who can log in. Call it before a change that takes an administrator away. A lock
 * makes the check safe for concurrent changes. Accounts that are not administrators pass.
 * @throws MatrixError `M_BAD_STATE` with status 409
 */
export async function requireOtherAdmin(
  transaction: Knex.Transaction,
  userId: UserId,
  { accountType, isDeactivated }: Account,
): Promise<void> {
  if (accountType !== ACCOUNT_TYPE.admin || isDeactivated) return;
  if ((await countOtherAdmins(transaction, userId)) > 0) return;
  const problem = `${userId} is the last administrator who can act; make another account an administrator first`;
  throw new MatrixError('M_BAD_STATE', problem, { status: 409 });
}
