import type Router from '@koa/router';
import { z } from 'zod';
import { addressWithoutPort, readDevices, renameDevice } from '../../homeserver/index.ts';
import { type Device, MatrixError } from '../../index.ts';
import { announce } from '../announce.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, parameterOf } from '../request-parameters.ts';
import { storableText } from '../storable-text.ts';

const nameSchema = z.object({ display_name: storableText(100).optional() });

const deviceNotFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such device');

/** Adds the routes that list, show and rename the user's own devices. Source: Client-Server API, "Device Management". */
export function addDeviceRoutes(router: Router, context: HostContext): void {
  const { db, signingKey } = context;
  router.get(clientPaths('/devices'), async (ctx) => {
    const { userId } = await authenticate(ctx, context);
    ctx.body = { devices: (await readDevices(db, userId)).map(shown) };
  });
  router.get(clientPaths('/devices/:deviceId'), async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const devices = await readDevices(db, userId);
    const device = devices.find(({ deviceId }) => deviceId === parameterOf(ctx, 'deviceId'));
    if (device === undefined) throw deviceNotFound();
    ctx.body = shown(device);
  });
  router.put(clientPaths('/devices/:deviceId'), async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const { display_name: displayName = '' } = bodyOf(ctx, nameSchema);
    const device = { deviceId: parameterOf(ctx, 'deviceId'), displayName };
    const destinations = await db.transaction((transaction) =>
      renameDevice(transaction, userId, device, [signingKey.serverName]),
    );
    if (destinations === undefined) throw deviceNotFound();
    await announce(context, { users: [userId], destinations });
    ctx.body = {};
  });
}

const shown = ({ deviceId, displayName, address, lastSeenAt }: Device): Record<string, unknown> => ({
  device_id: deviceId,
  display_name: displayName,
  last_seen_ip: addressWithoutPort(address),
  last_seen_ts: lastSeenAt,
});
