import type { Actor } from '../../operations/actor.ts';
import { defineRoute, okOf, type Route } from '../route.ts';

const ANYBODY: Actor = { kind: 'system', name: 'server-version' };

/** Synapse's route for the version of the server. The answer has the version of the plugin. */
export const VERSION_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/_synapse/admin/v1/server_version',
    operation: 'serverVersion',
    openTo: ANYBODY,
    input: () => ({}),
    respond: okOf,
  }),
];
