import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { ACCOUNT_TYPE } from '../../accounts/account-type.ts';
import { checkPassword } from '../../accounts/check-password.ts';
import { checkUsername } from '../../accounts/check-username.ts';
import { createAccount } from '../../accounts/create-account.ts';
import { logIn } from '../../accounts/log-in.ts';
import { MatrixError } from '../../errors.ts';
import type { ServerName, UserId } from '../../ids.ts';
import { insertKeylessDevice } from '../../storage/keyserver/device-keys.ts';
import { setUserType, USER_TYPES } from '../../storage/plugin/account-attributes.ts';
import { insertNonce, takeNonce } from '../../storage/plugin/registration-nonces.ts';
import { isAccount } from '../../storage/userapi/accounts.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

const LIFETIME_MS = 60_000;
/** Maximum number of unused nonces. Normal use stays far below this number. */
const CAPACITY = 10_000;

/**
 * Creates a nonce for one registration with the shared secret. The nonce is valid for one minute.
 * @throws MatrixError `M_LIMIT_EXCEEDED` if 10,000 nonces are unused
 */
export const getRegistrationNonce = defineOperation({
  access: 'open',
  effect: 'read',
  input: inputObject({}),
  run: async ({ db }): Promise<{ nonce: string }> => {
    const nonce = randomBytes(32).toString('hex');
    if (await insertNonce(db, nonce, { lifetimeMs: LIFETIME_MS, capacity: CAPACITY })) return { nonce };
    throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many nonces are waiting to be used', {
      fields: { retry_after_ms: LIFETIME_MS },
    });
  },
});

/** Id of the new user's device, as in Dendrite. */
const DEVICE_ID = 'shared_secret_registration';

const input = inputObject({
  /** A nonce that `getRegistrationNonce` has returned. */
  nonce: z.string(),
  /** Localpart of the new user id. */
  username: z.string().min(1),
  /** Password of the account. */
  password: z.string(),
  /** HMAC-SHA1 of the nonce, username, password, `admin` and `userType`, in hexadecimal. The key is the shared secret. */
  mac: z.string(),
  /** Whether the user becomes an administrator. The MAC covers this field. @defaultValue false */
  admin: z.boolean().nullish(),
  /** Synapse's user type. The MAC covers this field. @defaultValue the account belongs to a person */
  userType: z.enum(USER_TYPES).nullish(),
  /** The user's display name. @defaultValue the localpart */
  displayName: z.string().max(255).nullish(),
  /** Whether to give the user no device and no access token. @defaultValue false */
  inhibitLogin: z.boolean().default(false),
  /** Address of the HTTP client, which is stored with the device. @defaultValue no address */
  address: z.string().default(''),
  /** User agent of the HTTP client, which is stored with the device. @defaultValue no user agent */
  userAgent: z.string().default(''),
});
type Input = z.output<typeof input>;

/** The new account. `login` is absent if `inhibitLogin` was set. */
export interface Registered {
  readonly userId: UserId;
  readonly homeServer: ServerName;
  readonly login?: { readonly accessToken: string; readonly deviceId: string };
}

/**
 * Creates an account for a caller who knows the shared secret. The call uses up the nonce, even if the registration then fails.
 * Dendrite's route is `POST /_synapse/admin/v1/register`. Unlike this operation, Dendrite accepts a nonce several times, and
 * leaves half an account behind if the password is too long.
 * @throws MatrixError `M_UNRECOGNIZED` if registration by shared secret is off
 * @throws MatrixError 400 `M_UNKNOWN` if the nonce is unknown or has expired
 * @throws MatrixError `M_FORBIDDEN` if the MAC is wrong
 * @throws MatrixError `M_INVALID_USERNAME`, `M_EXCLUSIVE` or `M_USER_IN_USE` if the username is not available
 * @throws MatrixError `M_MISSING_PARAM` if the password is empty
 * @throws MatrixError `M_WEAK_PASSWORD` if the password is too short, `M_BAD_JSON` if the username or the password is too long
 */
export const registerBySharedSecret = defineOperation({
  access: 'open',
  effect: 'write',
  input,
  target: ({ username }) => username.slice(0, 255),
  prepare: async (scope, wanted): Promise<{ userId: UserId; passwordHash: string }> => {
    const { db, sharedSecret, serverName, hashPassword } = scope;
    if (sharedSecret === undefined) throw new MatrixError('M_UNRECOGNIZED', 'Unrecognized request');
    if (!(await takeNonce(db, wanted.nonce))) {
      throw new MatrixError('M_UNKNOWN', 'unrecognised or expired nonce', { status: 400 });
    }
    if (!isMac(wanted.mac, macOf(wanted, sharedSecret))) throw new MatrixError('M_FORBIDDEN', 'bad mac');
    const userId = checkUsername(wanted.username, serverName, scope);
    checkPassword(wanted.password);
    if (await isAccount(db, userId)) throw new MatrixError('M_USER_IN_USE', 'Desired user ID is already taken.');
    return { userId, passwordHash: await hashPassword(wanted.password) };
  },
  run: async (scope, wanted, { userId, passwordHash }): Promise<Registered> => {
    const { transaction, serverName } = scope;
    await createAccount(transaction, {
      userId,
      passwordHash,
      accountType: wanted.admin === true ? ACCOUNT_TYPE.admin : ACCOUNT_TYPE.user,
      displayName: wanted.displayName || undefined,
    });
    if (wanted.userType) await setUserType(transaction, userId, wanted.userType);
    scope.afterCommit(() => {
      scope.userTotals.forget();
      scope.announce({ users: [userId] });
    });
    if (wanted.inhibitLogin) return { userId, homeServer: serverName };
    const { accessToken } = await logIn(transaction, {
      userId,
      deviceId: DEVICE_ID,
      displayName: wanted.username,
      address: wanted.address,
      userAgent: wanted.userAgent,
    });
    await insertKeylessDevice(transaction, { userId, deviceId: DEVICE_ID });
    return { userId, homeServer: serverName, login: { accessToken, deviceId: DEVICE_ID } };
  },
});

/**
 * Computes the HMAC-SHA1 that Synapse and Dendrite define. The HMAC covers the username as the caller has spelled it, which may
 * differ in case from the new user id.
 */
function macOf({ nonce, username, password, admin, userType }: Input, secret: string): Buffer {
  const parts = [nonce, username, password, admin === true ? 'admin' : 'notadmin', ...(userType ? [userType] : [])];
  return createHmac('sha1', secret).update(parts.join('\0')).digest();
}

/**
 * Tells whether `hex` is the MAC in hexadecimal. The comparison always takes the same time, so that its duration reveals
 * nothing about the MAC.
 */
function isMac(hex: string, mac: Buffer): boolean {
  const given = /^[0-9a-f]{40}$/i.test(hex) ? Buffer.from(hex, 'hex') : Buffer.alloc(mac.length);
  return timingSafeEqual(given, mac);
}
