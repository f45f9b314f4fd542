import { defineRoute, ok, okOf, type Route } from '../route.ts';

const SUSPEND = '/_matrix/client/v1/admin/suspend/:userId';
const LOCK = '/_matrix/client/v1/admin/lock/:userId';

/** The specification's routes for suspending and locking accounts, and Synapse's routes for suspending and shadow-banning. */
export const ACCOUNT_RESTRICTION_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: SUSPEND,
    operation: 'getUserSuspended',
    input: ({ params }) => ({ userId: params.userId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'PUT',
    path: SUSPEND,
    operation: 'setUserSuspended',
    input: ({ params, body }) => ({ userId: params.userId, suspended: body.suspended }),
    respond: okOf,
  }),
  defineRoute({
    method: 'GET',
    path: LOCK,
    operation: 'getUserLocked',
    input: ({ params }) => ({ userId: params.userId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'PUT',
    path: LOCK,
    operation: 'setUserLocked',
    input: ({ params, body }) => ({ userId: params.userId, locked: body.locked }),
    respond: okOf,
  }),
  defineRoute({
    method: 'PUT',
    path: '/_synapse/admin/v1/suspend/:userId',
    operation: 'setUserSuspended',
    names: { suspended: 'suspend' },
    input: ({ params, body }) => ({ userId: params.userId, suspended: body.suspend }),
    respond: ({ suspended }, { params }) => ok({ [`user_${params.userId}_suspended`]: suspended }),
  }),
  ...(['POST', 'DELETE'] as const).map((method) =>
    defineRoute({
      method,
      path: '/_synapse/admin/v1/users/:userId/shadow_ban',
      operation: 'setUserShadowBanned',
      input: ({ params }) => ({ userId: params.userId, shadowBanned: method === 'POST' }),
      respond: () => ok({}),
    }),
  ),
];
