import type { Context } from 'koa';
import { MatrixError, type UserId } from '../index.ts';
import type { HostContext } from './host-context.ts';
import { type ClientRequest, userIdOf } from './request-parameters.ts';
import { requireUnlocked } from './require-unlocked.ts';
import { type Device, findDevice } from './storage/devices.ts';

const unknownToken = (): MatrixError => new MatrixError('M_UNKNOWN_TOKEN', 'Unknown token');

/**
 * Finds the device to which a request's access token belongs. Source: Client-Server API, "Using access tokens".
 * @throws MatrixError `M_MISSING_TOKEN` or `M_UNKNOWN_TOKEN`; `M_USER_LOCKED` if an administrator has locked the account
 */
export async function authenticate(ctx: Context, context: HostContext): Promise<Device> {
  const device = await authenticateLocked(ctx, context);
  await requireUnlocked(context, device.userId);
  return device;
}

/**
 * Does the same as `authenticate()`, but also accepts locked users, because a locked user may log out.
 * @throws MatrixError `M_MISSING_TOKEN` or `M_UNKNOWN_TOKEN`
 */
export async function authenticateLocked(ctx: Context, context: HostContext): Promise<Device> {
  const { db, signingKey } = context;
  const token = tokenOf(ctx);
  if (token === undefined) throw new MatrixError('M_MISSING_TOKEN', 'Missing access token');
  const storable = token.length <= 4_096 && !token.includes('\0');
  const device = storable ? await findDevice(db, token, signingKey.serverName) : undefined;
  if (device === undefined) throw unknownToken();
  const { hasLoginEnded } = await context.admin.accounts.check(device.userId, device.deviceId);
  if (hasLoginEnded) throw unknownToken();
  return device;
}

/**
 * Does the same as `authenticate()`, and checks that the user id in the path is the caller's own user id.
 * @throws MatrixError the errors of `authenticate()`; `M_FORBIDDEN` if the path has the id of another user
 */
export async function authenticateOwn(ctx: ClientRequest, context: HostContext): Promise<UserId> {
  const { userId } = await authenticate(ctx, context);
  if (userIdOf(ctx) !== userId) throw new MatrixError('M_FORBIDDEN', 'The path has the id of another user');
  return userId;
}

function tokenOf(ctx: Context): string | undefined {
  const [, inHeader] = /^Bearer (.+)$/.exec(ctx.get('authorization')) ?? [];
  const [inQuery] = [ctx.query.access_token].flat();
  return inHeader ?? (inQuery || undefined);
}
