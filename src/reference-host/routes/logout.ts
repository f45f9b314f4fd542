import type Router from '@koa/router';
import { logOut } from '../../homeserver/index.ts';
import type { UserId } from '../../index.ts';
import { announce } from '../announce.ts';
import { authenticateLocked } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { clientPaths } from '../request-parameters.ts';

/** Adds the routes for logging out. Locked users may log out too. Source: Client-Server API, "Logout". */
export function addLogoutRoutes(router: Router, context: HostContext): void {
  router.post(clientPaths('/logout'), async (ctx) => {
    const { userId, deviceId } = await authenticateLocked(ctx, context);
    await removeDevices(context, userId, [deviceId]);
    ctx.body = {};
  });
  router.post(clientPaths('/logout/all'), async (ctx) => {
    const { userId } = await authenticateLocked(ctx, context);
    await removeDevices(context, userId, undefined);
    ctx.body = {};
  });
}

/** Deletes devices of a user. @param deviceIds `undefined` means all devices of the user */
async function removeDevices(
  context: HostContext,
  userId: UserId,
  deviceIds: readonly string[] | undefined,
): Promise<void> {
  const { db, signingKey } = context;
  const { destinations } = await db.transaction((transaction) =>
    logOut(transaction, userId, deviceIds, [signingKey.serverName]),
  );
  await announce(context, { users: [userId], destinations });
}
