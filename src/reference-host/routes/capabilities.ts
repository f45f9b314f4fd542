import type Router from '@koa/router';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { clientPaths } from '../request-parameters.ts';
import { DEFAULT_ROOM_VERSION } from '../rooms/new-room.ts';

const ROOM_VERSIONS = Array.from({ length: 12 }, (_, index) => String(index + 1));
const CAPABILITIES = {
  'm.change_password': { enabled: false },
  'm.3pid_changes': { enabled: false },
  'm.room_versions': {
    default: DEFAULT_ROOM_VERSION,
    available: Object.fromEntries(ROOM_VERSIONS.map((version) => [version, 'stable'])),
  },
};

/** Adds the route for a user's capabilities. Source: Client-Server API, "Capabilities negotiation". */
export function addCapabilitiesRoute(router: Router, context: HostContext): void {
  router.get(clientPaths('/capabilities'), async (ctx) => {
    const { userId } = await authenticate(ctx, context);
    ctx.body = { capabilities: { ...CAPABILITIES, ...(await context.admin.accounts.capabilities(userId)) } };
  });
}
