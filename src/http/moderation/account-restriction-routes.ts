import { defineRoute, ok, okOf, type Route } from '../route.ts';

/** The specification's prefix, and the prefix of MSC4323, which clients used before the specification had these routes. */
const PREFIXES = ['/_matrix/client/v1/admin', '/_matrix/client/unstable/uk.timedout.msc4323/admin'] as const;

/** The specification's routes for suspending and locking accounts, and Synapse's routes for suspending and shadow-banning. */
export const ACCOUNT_RESTRICTION_ROUTES: readonly Route[] = [
  ...PREFIXES.flatMap((prefix) => [
    defineRoute({
      method: 'GET',
      path: `${prefix}/suspend/:userId`,
      operation: 'getUserSuspended',
      input: ({ params }) => ({ userId: params.userId }),
      respond: okOf,
    }),
    defineRoute({
      method: 'PUT',
      path: `${prefix}/suspend/:userId`,
      operation: 'setUserSuspended',
      input: ({ params, body }) => ({ userId: params.userId, suspended: body.suspended }),
      respond: okOf,
    }),
    defineRoute({
      method: 'GET',
      path: `${prefix}/lock/:userId`,
      operation: 'getUserLocked',
      input: ({ params }) => ({ userId: params.userId }),
      respond: okOf,
    }),
    defineRoute({
      method: 'PUT',
      path: `${prefix}/lock/:userId`,
      operation: 'setUserLocked',
      input: ({ params, body }) => ({ userId: params.userId, locked: body.locked }),
      respond: okOf,
    }),
  ]),
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
