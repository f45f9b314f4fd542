import { z } from 'zod';
import { checkPassword } from '../../accounts/check-password.ts';
import { MatrixError } from '../../errors.ts';
import { USER_TYPES } from '../../storage/plugin/account-attributes.ts';
import type { Account } from '../../storage/userapi/accounts.ts';
import type { Actor } from '../actor.ts';
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

/** What is to become of a user. What is not given stays as it is. */
export const userChanges = z.object({
  userId: userIdInput,
  password: z.string().nullish(),
  /** Whether a new password ends all sessions. */
  logoutDevices: z.boolean().default(true),
  /** Empty: none. @defaultValue of a new user: the localpart */
  displayName: z.string().max(256).optional(),
  /** Empty: none. */
  avatarUrl: z
    .string()
    .max(1_000)
    .regex(/^(?:mxc:\/\/[^/\s]+\/[^/\s]+)?$/, 'not an mxc:// URL')
    .optional(),
  /** All that the user has then; taken from whoever has them. */
  threepids: z.array(threepid).max(100).optional(),
  /** `null`: a person's. */
  userType: z.enum(USER_TYPES).nullable().optional(),
  admin: z.boolean().optional(),
  deactivated: z.boolean().optional(),
  locked: z.boolean().optional(),
  suspended: z.boolean().optional(),
  shadowBanned: z.boolean().optional(),
  /** There is no place for others: Dendrite knows no single sign-on, … */
  externalIds: z.array(z.unknown()).max(0, 'there is no single sign-on here').optional(),
  /** … and no accounts that wait for approval. */
  approved: z.literal(true, 'accounts need no approval here').optional(),
});
export type UserChanges = z.output<typeof userChanges>;

const refuse = (text: string): never => {
  throw new MatrixError('M_INVALID_PARAM', text);
};

/**
 * Refuses what can't be, before anything changes.
 * @param account as it is now; `undefined`: it is to be made
 * @throws MatrixError
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
