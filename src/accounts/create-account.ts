import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import { splitUserId, type UserId } from '../ids.ts';
import { upsertAccountData } from '../storage/userapi/account-data.ts';
import { insertAccount } from '../storage/userapi/accounts.ts';
import { upsertProfile } from '../storage/userapi/profiles.ts';
import { defaultPushRules } from './push-rules.ts';

/** A new account of a person, or the account that sends server notices. */
export interface AccountDraft {
  readonly userId: UserId;
  /** Hash of the password. If it is empty, nobody can log in with a password. */
  readonly passwordHash: string;
  readonly accountType: number;
  /** The display name. @defaultValue the localpart */
  readonly displayName?: string | undefined;
  /** The URL of the avatar, which begins with `mxc://`. @defaultValue no avatar */
  readonly avatarUrl?: string | undefined;
}

/**
 * Creates an account with all rows that Dendrite creates for it: account, profile and push rules.
 * @throws MatrixError `M_USER_IN_USE` if the user id is taken
 */
export async function createAccount(transaction: Knex.Transaction, draft: AccountDraft): Promise<void> {
  if (await createAccountIfFree(transaction, draft)) return;
  throw new MatrixError('M_USER_IN_USE', 'Desired user ID is already taken.');
}

/**
 * Creates an account, unless the user id is taken. If several calls try to create the same account at the same time, only one
 * of them succeeds. @returns whether the account was created
 */
export async function createAccountIfFree(transaction: Knex.Transaction, draft: AccountDraft): Promise<boolean> {
  const { userId, displayName = splitUserId(userId).localpart, avatarUrl = '' } = draft;
  if (!(await insertAccount(transaction, { ...draft, createdAt: Date.now() }))) return false;
  await upsertProfile(transaction, userId, { displayName, avatarUrl });
  const content = defaultPushRules(userId);
  await upsertAccountData(transaction, { userId, roomId: '', type: 'm.push_rules', content });
  return true;
}
