import { ACCOUNT_TYPE } from '../../accounts/account-type.ts';
import type { User } from '../../storage/userapi/users.ts';
import { defineRoute, ok, okOf, type Route } from '../route.ts';

const SYNAPSE = '/_synapse/admin/v1';

/**
 * Converts a found user to the form that Synapse shows. Synapse also shows the password hash, but this function leaves it out.
 */
const foundUser = (user: User) => ({
  name: user.userId,
  is_guest: user.accountType === ACCOUNT_TYPE.guest,
  admin: user.accountType === ACCOUNT_TYPE.admin,
  user_type: user.userType,
});

/**
 * Routes that check whether a username is available, and that find users by a threepid, an external id or a part of a user id.
 * A threepid is an email address or a phone number.
 */
export const FIND_USER_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: `${SYNAPSE}/username_available`,
    operation: 'checkUsernameAvailable',
    input: ({ query }) => ({ username: query.username }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${SYNAPSE}/threepid/:medium/users/:address`,
    operation: 'findUserByThreepid',
    input: ({ params }) => ({ medium: params.medium, address: params.address }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${SYNAPSE}/auth_providers/:provider/users/:externalId`,
    operation: 'findUserByExternalId',
    input: ({ params }) => ({ provider: params.provider, externalId: params.externalId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: `${SYNAPSE}/search_users/:userId`,
    operation: 'searchUsers',
    input: ({ params, query }) => ({ userId: params.userId, term: query.term }),
    respond: (users) => ok(users.map(foundUser)),
  }),
];
