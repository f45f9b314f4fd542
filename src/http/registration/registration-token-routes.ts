import type { Actor } from '../../operations/actor.ts';
import { defineRoute, flagOf, ok, okOf, type Route, wireForm } from '../route.ts';

const DENDRITE = '/_dendrite/admin/registrationTokens';
/**
 * Routes that administer tokens exist under Dendrite's path and under Synapse's path, because more clients know Synapse's path.
 */
const PATHS = [DENDRITE, '/_synapse/admin/v1/registration_tokens'] as const;
/**
 * Fields that a request cannot change. Consoles send the whole token, and the console Ketesa adds `id`, so the route must
 * ignore these fields.
 */
const NOT_SETTABLE = ['token', 'pending', 'completed', 'id'];
const ANYBODY: Actor = { kind: 'system', name: 'registration' };

/** Routes that administer registration tokens, and the specification's route with which anybody can check a token. */
export const REGISTRATION_TOKEN_ROUTES: readonly Route[] = [
  ...PATHS.flatMap((path) => [
    defineRoute({
      method: 'POST',
      path: `${path}/new`,
      operation: 'createRegistrationToken',
      input: ({ body }) => ({
        token: body.token,
        usesAllowed: body.uses_allowed,
        expiryTime: body.expiry_time,
        length: body.length,
        onlyIfRequired: path === DENDRITE,
      }),
      respond: okOf,
    }),
    defineRoute({
      method: 'GET',
      path,
      operation: 'listRegistrationTokens',
      input: ({ query }) => ({ valid: flagOf('valid', query.valid || undefined) }),
      respond: (tokens) => ok({ registration_tokens: wireForm(tokens) }),
    }),
    defineRoute({
      method: 'GET',
      path: `${path}/:token`,
      operation: 'getRegistrationToken',
      input: ({ params }) => ({ token: params.token }),
      respond: okOf,
    }),
    defineRoute({
      method: 'PUT',
      path: `${path}/:token`,
      operation: 'updateRegistrationToken',
      ignoredKeys: NOT_SETTABLE,
      input: ({ params, body }) => ({
        token: params.token,
        usesAllowed: body.uses_allowed,
        expiryTime: body.expiry_time,
      }),
      respond: okOf,
    }),
    defineRoute({
      method: 'DELETE',
      path: `${path}/:token`,
      operation: 'deleteRegistrationToken',
      input: ({ params }) => ({ token: params.token }),
      respond: () => ok({}),
    }),
  ]),
  defineRoute({
    method: 'GET',
    path: '/_matrix/client/v1/register/m.login.registration_token/validity',
    operation: 'checkRegistrationToken',
    openTo: ANYBODY,
    input: ({ query }) => ({ token: query.token }),
    respond: okOf,
  }),
];
