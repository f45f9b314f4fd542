import type Router from '@koa/router';
import { clientPaths } from '../request-parameters.ts';

/** Versions of the Client-Server API that the routes of the reference homeserver follow. */
const VERSIONS = ['r0.6.1', ...Array.from({ length: 11 }, (_, index) => `v1.${index + 1}`)];

/**
 * Adds three routes that need no access token: the versions of the API, the URL of the homeserver, and the TURN servers.
 * Source: Client-Server API, "API Versions", "Well-known URIs" and "Voice over IP".
 */
export function addVersionsRoutes(router: Router): void {
  router.get('/_matrix/client/versions', (ctx) => {
    ctx.body = { versions: VERSIONS, unstable_features: {} };
  });
  router.get('/.well-known/matrix/client', (ctx) => {
    ctx.body = { 'm.homeserver': { base_url: `${ctx.protocol}://${ctx.host}` } };
  });
  // The homeserver has no TURN servers, so the answer is empty.
  router.get(clientPaths('/voip/turnServer'), (ctx) => {
    ctx.body = {};
  });
}
