import { z } from 'zod';
import { findRateLimit, type RateLimit, setRateLimit } from '../../storage/plugin/account-attributes.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireAccount, requireLockedAccount, standingChanged } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

const number = z
  .int()
  .min(0)
  .max(2 ** 31 - 1)
  .default(0);

/**
 * A local user's own limit of messages. `null`: the homeserver's own limit counts.
 * Synapse: `GET /_synapse/admin/v1/users/{userId}/override_ratelimit`.
 */
export const getUserRateLimit = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  run: async (scope, { userId }): Promise<RateLimit | null> => {
    await requireAccount(scope, userId);
    return (await findRateLimit(scope.db, userId)) ?? null;
  },
});

/**
 * Gives a local user a limit of messages of their own. With both numbers 0 there is no limit. The homeserver keeps to it.
 * Synapse: `POST /_synapse/admin/v1/users/{userId}/override_ratelimit`.
 */
export const setUserRateLimit = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** Messages a second in the long run. @defaultValue 0 */
    messagesPerSecond: number,
    /** Messages in a row before the limit counts. @defaultValue 0 */
    burstCount: number,
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId, ...limit }): Promise<RateLimit> => {
    await requireLockedAccount(scope, userId);
    await setRateLimit(scope.transaction, userId, limit);
    standingChanged(scope, userId);
    return limit;
  },
});

/**
 * Makes the homeserver's own limit count again for a local user.
 * Synapse: `DELETE /_synapse/admin/v1/users/{userId}/override_ratelimit`.
 */
export const deleteUserRateLimit = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId }): Promise<object> => {
    await requireLockedAccount(scope, userId);
    await setRateLimit(scope.transaction, userId, undefined);
    standingChanged(scope, userId);
    return {};
  },
});
