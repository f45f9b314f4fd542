import type Router from '@koa/router';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';

const PATHS = ['/_matrix/client/r0/capabilities', '/_matrix/client/v3/capabilities'];

/** The capabilities of a user. Client-Server API, "Capabilities negotiation". */
export function addCapabilitiesRoute(router: Router, context: HostContext): void {
  router.get(PATHS, async (ctx) => {
    const { userId } = await authenticate(ctx, context);
    ctx.body = { capabilities: await context.admin.accounts.capabilities(userId) };
  });
}
