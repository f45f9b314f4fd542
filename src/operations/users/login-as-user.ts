import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ACCOUNT_TYPE } from '../../accounts/account-type.ts';
import { logIn } from '../../accounts/log-in.ts';
import { MatrixError, ParameterError } from '../../errors.ts';
import { insertAdminLogin } from '../../storage/plugin/admin-logins.ts';
import { summariseUser } from '../../storage/plugin/user-summaries.ts';
import { nameOf } from '../actor.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { isOwnAccount, requireLocal, requireLockedAccount, standingChanged, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

const REMOTE = 'Only local users can be logged in as';

/**
 * Logs an administrator in as a local user: creates a device for the user, and returns its access token. Lists of the user's
 * devices do not show this device. The login ends at `validUntilMs`, when the administrator's own access token is logged out,
 * when the administrator is demoted or deactivated, or when the user becomes an administrator, whichever comes first. The
 * operation fails unless `options.accounts.allowLoginAs` is true. The operation also fails if the user is the caller or another
 * administrator. Synapse's route is `POST /_synapse/admin/v1/users/{userId}/login`. In Synapse, administrators can also log in
 * as other administrators.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user, or if the account is deactivated
 * @throws MatrixError `M_FORBIDDEN` if the option is off, or if the user is an administrator
 */
export const loginAsUser = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /**
     * When the login ends, in ms since the epoch. Required for a caller without an access token. @defaultValue the login ends
     * when the caller's own access token is logged out
     */
    validUntilMs: z.int().min(0).max(8.64e15).optional(),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, validUntilMs }): Promise<{ readonly accessToken: string }> => {
    const { transaction, actor } = scope;
    if (!scope.allowLoginAs) {
      throw new MatrixError('M_FORBIDDEN', 'Logging in as users is switched off: accounts.allowLoginAs is not true');
    }
    requireLocal(scope, userId, REMOTE);
    if (isOwnAccount(actor, userId)) throw new MatrixError('M_INVALID_PARAM', 'Cannot use admin API to login as self');
    const account = await requireLockedAccount(scope, userId, REMOTE);
    if (account.isDeactivated) throw userNotFound();
    if (account.accountType === ACCOUNT_TYPE.admin) {
      throw new MatrixError('M_FORBIDDEN', 'The user is a server administrator');
    }
    const adminDevice = actor.kind === 'user' ? actor.device : undefined;
    if (adminDevice === undefined && validUntilMs === undefined) throw new ParameterError(['validUntilMs'], undefined);
    if (validUntilMs !== undefined && validUntilMs <= Date.now()) {
      throw new ParameterError(['validUntilMs'], 'must be in the future');
    }
    const deviceId = randomBytes(12).toString('base64url');
    const { accessToken, sessionId } = await logIn(transaction, { userId, deviceId });
    const admin = nameOf(actor);
    await insertAdminLogin(transaction, { userId, deviceId, sessionId, admin, adminDevice, validUntil: validUntilMs });
    // The plugin stores a summary of each account, which has the time of the user's last activity. `logIn()` has updated this
    // summary as if the new device were the user's own. The second update leaves the device out, because the login is now
    // stored as an administrator's.
    await summariseUser(transaction, userId);
    standingChanged(scope, userId);
    return { accessToken };
  },
});
