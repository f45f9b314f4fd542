import type Router from '@koa/router';

/** Versions of the Client-Server API that the routes of the reference homeserver follow. */
const VERSIONS = ['r0.6.1', ...Array.from({ length: 11 }, (_, index) => `v1.${index + 1}`)];

export function addVersionsRoute(router: Router): void {
  router.get('/_matrix/client/versions', (ctx) => {
    ctx.body = { versions: VERSIONS, unstable_features: {} };
  });
}
