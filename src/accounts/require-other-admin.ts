import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import { type Account, countOtherAdmins } from '../storage/userapi/accounts.ts';
import { ACCOUNT_TYPE } from './account-type.ts';

/**
 * Makes sure that the homeserver keeps an administrator who can act, after an administrator is deactivated or demoted. Call it
 * before this change, in the same transaction. The call takes a lock, so that two changes at the same time cannot remove the
 * last two administrators. The call does nothing if the account is not an active administrator.
 * @throws MatrixError `M_BAD_STATE` with status 409 if every other administrator is deactivated, locked or suspended
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
