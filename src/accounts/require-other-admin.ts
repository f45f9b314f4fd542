import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import { type Account, countOtherAdmins } from '../storage/userapi/accounts.ts';
import { ACCOUNT_TYPE } from './account-type.ts';

/**
 * Makes sure that a homeserver keeps an administrator who can log in. Call it before a change that deactivates, demotes, locks
 * or suspends an administrator. The call takes a lock, so that two changes at the same time cannot remove the last two
 * administrators. It does nothing if the account is not an active administrator.
 * @throws MatrixError `M_BAD_STATE` with status 409 if there is no other administrator who can log in
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
