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
 * Shows the message rate limit of a local user. The result is `null` if no limit was set for the user. The homeserver's general
 * limit then applies. Synapse's route is `GET /_synapse/admin/v1/users/{userId}/override_ratelimit`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
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
 * Sets the message rate limit of a local user, in place of the homeserver's general limit. If both numbers are 0, the user has
 * no limit at all. The plugin stores the limit, and the homeserver must enforce it. Synapse's route is `POST
 * /_synapse/admin/v1/users/{userId}/override_ratelimit`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const setUserRateLimit = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** Number of messages per second that the user may send on average. @defaultValue 0 */
    messagesPerSecond: number,
    /** Number of messages that the user may send at once. @defaultValue 0 */
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
 * Removes the message rate limit of a local user. The homeserver's general limit then applies. Synapse's route is `DELETE
 * /_synapse/admin/v1/users/{userId}/override_ratelimit`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
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
