import type Router from '@koa/router';
import { isAccount } from '../../../homeserver/index.ts';
import { MatrixError } from '../../../index.ts';
import { splitUserId } from '../../../matrix/index.ts';
import { readUserDevices } from '../../storage/device-keys.ts';
import { type FederationContext, isLocal, type ServerRequest, userIdOf } from '../federation-context.ts';

/**
 * Adds the route that shows the devices of a local user and the public cross-signing keys. Leaves out devices with which
 * administrators are logged in as the user. Source: Server-Server API, "Device Management".
 */
export function addDeviceRoutes(router: Router, context: FederationContext): void {
  router.get('/_matrix/federation/v1/user/devices/:userId', async (ctx: ServerRequest) => {
    const userId = userIdOf(ctx);
    if (!isLocal(context, splitUserId(userId).serverName) || !(await isAccount(context.db, userId))) {
      throw new MatrixError('M_NOT_FOUND', 'The user does not exist on this homeserver');
    }
    const { streamId, devices, masterKey, selfSigningKey } = await readUserDevices(context.db, userId);
    const { hiddenDevices } = await context.accounts.check(userId);
    const shown = devices.filter(({ deviceId }) => !hiddenDevices.includes(deviceId));
    ctx.body = {
      user_id: userId,
      stream_id: streamId,
      devices: shown.map(({ deviceId, displayName, keys }) => ({
        device_id: deviceId,
        keys,
        ...(displayName !== null && { device_display_name: displayName }),
      })),
      ...(masterKey !== undefined && { master_key: masterKey }),
      ...(selfSigningKey !== undefined && { self_signing_key: selfSigningKey }),
    };
  });
}
