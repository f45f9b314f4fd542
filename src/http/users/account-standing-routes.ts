import type { RateLimit } from '../../storage/plugin/account-attributes.ts';
import { defineRoute, ok, okOf, type Route } from '../route.ts';

const SYNAPSE = '/_synapse/admin/v1';
const RATE_LIMIT = `${SYNAPSE}/users/:userId/override_ratelimit`;
const FEATURES = `${SYNAPSE}/experimental_features/:userId`;

/**
 * Routes that show and set what an account may do, such as its rate limit, and a route that logs in as a user. The plugin
 * stores what an account may do, and the homeserver enforces it.
 */
export const ACCOUNT_STANDING_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: RATE_LIMIT,
    operation: 'getUserRateLimit',
    input: ({ params }) => ({ userId: params.userId }),
    respond: (limit) => okOf<Partial<RateLimit>>(limit ?? {}),
  }),
  defineRoute({
    method: 'POST',
    path: RATE_LIMIT,
    operation: 'setUserRateLimit',
    input: ({ params, body }) => ({
      userId: params.userId,
      messagesPerSecond: body.messages_per_second,
      burstCount: body.burst_count,
    }),
    respond: okOf,
  }),
  defineRoute({
    method: 'DELETE',
    path: RATE_LIMIT,
    operation: 'deleteUserRateLimit',
    input: ({ params }) => ({ userId: params.userId }),
    respond: () => ok({}),
  }),
  defineRoute({
    method: 'GET',
    path: FEATURES,
    operation: 'getExperimentalFeatures',
    input: ({ params }) => ({ userId: params.userId }),
    respond: ok,
  }),
  defineRoute({
    method: 'PUT',
    path: FEATURES,
    operation: 'setExperimentalFeatures',
    input: ({ params, body }) => ({ userId: params.userId, features: body.features }),
    respond: () => ok({}),
  }),
  defineRoute({
    method: 'POST',
    path: `${SYNAPSE}/users/:userId/_allow_cross_signing_replacement_without_uia`,
    operation: 'allowCrossSigningReplacement',
    input: ({ params }) => ({ userId: params.userId }),
    respond: okOf,
  }),
  defineRoute({
    method: 'POST',
    path: `${SYNAPSE}/users/:userId/login`,
    operation: 'loginAsUser',
    input: ({ params, body }) => ({ userId: params.userId, validUntilMs: body.valid_until_ms }),
    respond: okOf,
  }),
];
