import type { Knex } from 'knex';
import type { ServerName, UserId } from '../ids.ts';
import { noteErasure } from '../storage/plugin/account-attributes.ts';
import { deleteRestrictions } from '../storage/plugin/account-restrictions.ts';
import { updateDeactivation } from '../storage/userapi/accounts.ts';
import { updateProfile } from '../storage/userapi/profiles.ts';
import { replaceThreepids } from '../storage/userapi/threepids.ts';
import { logOut } from './log-out.ts';

/**
 * Deactivates an account: deletes all its devices and access tokens, and its e-mail addresses, telephone numbers and
 * restrictions (suspension, lock and shadow ban). The account keeps its type, so that a reactivated administrator is an
 * administrator again.
 * @param erase `undefined` if the user is not erased. Otherwise the function also empties the display name and the avatar, and
 * records that the actor `by` has erased the user.
 * @returns the servers for which an update of the device list was queued
 */
export async function deactivateAccount(
  transaction: Knex.Transaction,
  userId: UserId,
  erase: { readonly by: string } | undefined,
  localServerNames: readonly ServerName[],
): Promise<readonly ServerName[]> {
  await updateDeactivation(transaction, userId, true);
  const { destinations } = await logOut(transaction, userId, undefined, localServerNames);
  await replaceThreepids(transaction, userId, []);
  await deleteRestrictions(transaction, userId);
  if (erase === undefined) return destinations;
  await updateProfile(transaction, userId, { displayName: '', avatarUrl: '' });
  await noteErasure(transaction, userId, erase.by);
  return destinations;
}
