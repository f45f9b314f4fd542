import { createHash, timingSafeEqual } from 'node:crypto';
import type Router from '@koa/router';
import type { Registry } from 'prom-client';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Tells whether an `Authorization` header has the user and the password of `credentials` (RFC 7617). The comparison takes the
 * same time for all wrong headers, so that nobody can guess the password character by character.
 */
function isAuthorized(header: string, { user, password }: Credentials): boolean {
  const [, encoded = ''] = /^Basic +(\S+)$/i.exec(header) ?? [];
  return timingSafeEqual(digest(Buffer.from(encoded, 'base64').toString()), digest(`${user}:${password}`));
}

/**
 * Adds the route `GET /metrics`, which answers with the metrics of `registry` in Prometheus' text format. If `credentials` are
 * given, clients must send them, and get the status 401 otherwise.
 */
export function addMetricsRoute(router: Router, registry: Registry, credentials: Credentials | undefined): void {
  router.get('/metrics', async (ctx) => {
    if (credentials !== undefined && !isAuthorized(ctx.get('authorization'), credentials)) {
      ctx.status = 401;
      ctx.set('WWW-Authenticate', 'Basic realm="metrics"');
      ctx.body = '';
      return;
    }
    ctx.type = registry.contentType;
    ctx.body = await registry.metrics();
  });
}
