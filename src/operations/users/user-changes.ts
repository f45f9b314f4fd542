import { z } from 'zod';
import { checkPassword } from '../../accounts/check-password.ts';
import { MatrixError } from '../../errors.ts';
import { USER_TYPES } from '../../storage/plugin/account-attributes.ts';
import type { Account } from '../../storage/userapi/accounts.ts';
import type { Actor } from '../actor.ts';
import { inputObject } from '../input-object.ts';
import { checkAdminChange } from './user-admin.ts';
import { userIdInput } from './user-id-input.ts';

const threepid = z.discriminatedUnion('medium', [
  z.object({
    medium: z.literal('email'),
    address: z
      .string()
      .max(500)
      .regex(/^[^@\s]+@[^@\s]+$/, 'not an e-mail address')
      .toLowerCase(),
  }),
  z.object({
    medium: z.literal('msisdn'),
    address: z.string().regex(/^\d{1,15}$/, 'not a telephone number: digits, with the country code first'),
  }),
]);

/** The input of `setUser`. If the input lacks a field, the value that the user has stays as it is. */
export const userChanges = inputObject({
  /** The local user. If the user does not exist, `setUser` creates the user. */
  userId: userIdInput,
  /** The new password. @defaultValue no change; a new user has no password and cannot log in with a password */
  password: z.string().nullish(),
  /** Whether to log the user out everywhere if the password changes. @defaultValue true */
  logoutDevices: z.boolean().default(true),
  /** The display name. An empty text removes the display name. @defaultValue no change; a new user gets the localpart */
  displayName: z.string().max(256).optional(),
  /** The `mxc://` URL of the avatar. An empty text removes the avatar. @defaultValue no change */
  avatarUrl: z
    .string()
    .max(1_000)
    .regex(/^(?:mxc:\/\/[^/\s]+\/[^/\s]+)?$/, 'not an mxc:// URL')
    .optional(),
  /**
   * All e-mail addresses and telephone numbers of the user. If one of these belongs to another user, the other user loses it.
   * @defaultValue no change
   */
  threepids: z.array(threepid).max(100).optional(),
  /**
   * The type of an account that belongs to no person. `null` means that the account belongs to a person. @defaultValue no
   * change
   */
  userType: z.enum(USER_TYPES).nullable().optional(),
  /** Whether the user is an administrator. @defaultValue no change */
  admin: z.boolean().optional(),
  /**
   * `true` deactivates the account. `false` activates a deactivated account again, which needs a new password. @defaultValue no
   * change
   */
  deactivated: z.boolean().optional(),
  /** Whether the user is locked out. @defaultValue no change */
  locked: z.boolean().optional(),
  /** Whether the user is suspended. @defaultValue no change */
  suspended: z.boolean().optional(),
  /** Whether the user is shadow-banned. @defaultValue no change */
  shadowBanned: z.boolean().optional(),
  /** Must be empty, because Dendrite has no single sign-on. */
  externalIds: z.array(z.unknown()).max(0, 'there is no single sign-on here').optional(),
  /** Must be `true`, because accounts need no approval. */
  approved: z.literal(true, 'accounts need no approval here').optional(),
});
export type UserChanges = z.output<typeof userChanges>;

const refuse = (text: string): never => {
  throw new MatrixError('M_INVALID_PARAM', text);
};

/**
 * Refuses changes that contradict each other or that the account does not allow. Changes nothing itself.
 * @param account the account before the changes; `undefined` if `setUser` will create the account
 * @throws MatrixError if the changes are refused
 */
export function checkUserChanges(actor: Actor, account: Account | undefined, changes: UserChanges): void {
  const { userId, password, admin, deactivated, locked, suspended, shadowBanned, threepids = [] } = changes;
  const isDeactivated = account?.isDeactivated ?? false;
  const hasPassword = typeof password === 'string';
  if (hasPassword) checkPassword(password);
  if (deactivated ?? isDeactivated) {
    if (hasPassword) refuse('A deactivated account has no password; "deactivated": false activates it');
    if (locked || suspended || shadowBanned)
      refuse('A deactivated account can be neither locked, suspended nor shadow-banned');
    if (isDeactivated && threepids.length > 0) refuse('A deactivated account has no third-party identifiers');
  }
  if (isDeactivated && deactivated === false && !hasPassword) {
    refuse('Must provide a password to re-activate an account.');
  }
  if (account !== undefined && admin !== undefined) checkAdminChange(actor, userId, account, admin);
}
