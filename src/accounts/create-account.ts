import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import { splitUserId, type UserId } from '../ids.ts';
import { upsertAccountData } from '../storage/userapi/account-data.ts';
import { insertAccount } from '../storage/userapi/accounts.ts';
import { upsertProfile } from '../storage/userapi/profiles.ts';
import { defaultPushRules } from './push-rules.ts';

/** A person's or the server's own account. */
export interface AccountDraft {
  readonly userId: UserId;
  /** Empty: password login is off for the account. */
  readonly passwordHash: string;
  readonly accountType: number;
  /** @defaultValue the localpart */
  readonly displayName?: string | undefined;
}

/**
 * Makes an account with the rows that Dendrite makes: account, profile and push rules.
 * @throws MatrixError `M_USER_IN_USE`
 */
export async function createAccount(transaction: Knex.Transaction, draft: AccountDraft): Promise<void> {
  if (await createAccountIfFree(transaction, draft)) return;
  throw new MatrixError('M_USER_IN_USE', 'Desired user ID is already taken.');
}

/** Makes an account unless the user id already has one. Concurrent calls are safe. @returns whether it was made */
export async function createAccountIfFree(transaction: Knex.Transaction, draft: AccountDraft): Promise<boolean> {
  const { userId, displayName = splitUserId(userId).localpart } = draft;
  if (!(await insertAccount(transaction, { ...draft, createdAt: Date.now() }))) return false;
  await upsertProfile(transaction, userId, { displayName, avatarUrl: '' });
  const content = defaultPushRules(userId);
  await upsertAccountData(transaction, { userId, roomId: '', type: 'm.push_rules', content });
  return true;
}
