import { z } from 'zod';
import { checkUsername } from '../../accounts/check-username.ts';
import { MatrixError } from '../../errors.ts';
import type { UserId } from '../../ids.ts';
import { isAccount } from '../../storage/userapi/accounts.ts';
import { findThreepidOwner } from '../../storage/userapi/threepids.ts';
import { readUsers, type User } from '../../storage/userapi/users.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireLocal, userNotFound } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/**
 * Checks that somebody could register with a username. Synapse's route is `GET /_synapse/admin/v1/username_available`.
 * @throws MatrixError `M_INVALID_USERNAME`, `M_EXCLUSIVE` or `M_USER_IN_USE` if the username is invalid, reserved or taken
 * @throws MatrixError `M_BAD_JSON` if the username is too long
 */
export const checkUsernameAvailable = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** Localpart of the user id. */
    username: z.string(),
  }),
  run: async (scope, { username }): Promise<{ readonly available: true }> => {
    const userId = checkUsername(username, scope.serverName, scope);
    if (await isAccount(scope.db, userId)) throw new MatrixError('M_USER_IN_USE', 'User ID already taken.');
    return { available: true };
  },
});

/**
 * Finds the user who has an e-mail address or a telephone number. Synapse's route is `GET
 * /_synapse/admin/v1/threepid/{medium}/users/{address}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const findUserByThreepid = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** `email` or `msisdn`. */
    medium: z.string(),
    /** The e-mail address, or the digits of the telephone number. */
    address: z.string(),
  }),
  run: async ({ db }, threepid): Promise<{ readonly userId: UserId }> => {
    const userId = await findThreepidOwner(db, threepid);
    if (userId === undefined) throw userNotFound();
    return { userId };
  },
});

/**
 * Always answers that there is no such user, because Dendrite has no single sign-on. Synapse's route is `GET
 * /_synapse/admin/v1/auth_providers/{provider}/users/{externalId}`. In Synapse, the route finds the user by the id that the
 * user has at a provider of single sign-on.
 * @throws MatrixError `M_NOT_FOUND` always
 */
export const findUserByExternalId = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The provider of single sign-on. */
    provider: z.string(),
    /** The user's id at the provider. */
    externalId: z.string(),
  }),
  run: async (): Promise<{ readonly userId: UserId }> => {
    throw userNotFound();
  },
});

const MOST_FOUND = 10_000;

/**
 * Finds local users, even deactivated and locked ones, by a part of their user ids, ignoring case. Returns at most 10,000
 * users, sorted by localpart. Synapse's route is `GET /_synapse/admin/v1/search_users/{userId}`. Synapse also shows password
 * hashes.
 */
export const searchUsers = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /**
     * The id of any local user. The search ignores this id. The field exists because the path of Synapse's route contains a
     * user id.
     */
    userId: userIdInput,
    /** The text that the user ids must contain. */
    term: z.string().max(255),
  }),
  run: async (scope, { userId, term }): Promise<readonly User[]> => {
    requireLocal(scope, userId, 'Can only look up local users');
    const filter = { serverNames: scope.localServerNames, guests: true, locked: true, partOfUserId: term };
    return readUsers(scope.db, filter, { descending: false, offset: 0, limit: MOST_FOUND });
  },
});
