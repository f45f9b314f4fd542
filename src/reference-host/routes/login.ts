import { randomBytes } from 'node:crypto';
import type Router from '@koa/router';
import { compare } from '@node-rs/bcrypt';
import { z } from 'zod';
import { isUserId, MatrixError, type ServerName } from '../../index.ts';
import { splitUserId, userIdOf } from '../../matrix/index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { requireUnlocked } from '../require-unlocked.ts';
import { storableText } from '../storable-text.ts';
import { findAccount } from '../storage/accounts.ts';
import { createDevice } from '../storage/devices.ts';

const FLOW = 'm.login.password';
const LOGIN_PATHS = ['/_matrix/client/r0/login', '/_matrix/client/v3/login'];
const WHOAMI_PATHS = ['/_matrix/client/r0/account/whoami', '/_matrix/client/v3/account/whoami'];
/**
 * Maximum length of a password, in bytes. bcrypt ignores all bytes beyond the first 72, so the homeserver refuses a longer
 * password.
 */
const MAX_PASSWORD_BYTES = 72;
/**
 * A bcrypt hash of no known password. If the account does not exist, the homeserver compares the password with this hash, so
 * that the answer takes the same time as for a wrong password.
 */
const NO_HASH = '$2b$10$8744pszExHNwSjNIapMEfOgeVF3Dt8OxRmzCJvdndultS6h52SVg2';

const name = storableText(255);
const loginSchema = z.object({
  type: z.string(),
  identifier: z.object({ type: z.string(), user: name.optional() }).optional(),
  user: name.optional(),
  password: z.string().optional(),
  device_id: name.min(1).optional(),
  initial_device_display_name: name.optional(),
});

const mismatch = (): MatrixError => new MatrixError('M_FORBIDDEN', 'Invalid username or password');

/** Adds the routes for password login and `whoami`. Source: Client-Server API, "Login". */
export function addLoginRoutes(router: Router, context: HostContext): void {
  const { db, signingKey } = context;
  router.get(LOGIN_PATHS, (ctx) => {
    ctx.body = { flows: [{ type: FLOW }] };
  });

  router.post(LOGIN_PATHS, async (ctx) => {
    const body = bodyOf(ctx, loginSchema);
    const localpart = localpartOf(body, signingKey.serverName);
    const account = localpart === undefined ? undefined : await findAccount(db, localpart, signingKey.serverName);
    const matches = await isPassword(body.password ?? '', account?.passwordHash ?? NO_HASH);
    if (account === undefined || !matches) throw mismatch();
    await requireUnlocked(context, userIdOf(account.localpart, signingKey.serverName));
    const device = {
      localpart: account.localpart,
      serverName: signingKey.serverName,
      deviceId: body.device_id ?? randomBytes(6).toString('base64url'),
    };
    const token = await createDevice(context, {
      ...device,
      displayName: body.initial_device_display_name ?? null,
      address: `${ctx.ip}:${ctx.socket.remotePort ?? 0}`,
      userAgent: ctx.get('user-agent'),
    });
    if (token === undefined) throw mismatch();
    ctx.body = {
      user_id: userIdOf(device.localpart, device.serverName),
      access_token: token,
      device_id: device.deviceId,
    };
  });

  router.get(WHOAMI_PATHS, async (ctx) => {
    const { userId, deviceId } = await authenticate(ctx, context);
    ctx.body = { user_id: userId, device_id: deviceId };
  });
}

/**
 * Returns the localpart of the user who logs in. Returns `undefined` if the user id is not valid or belongs to another server.
 * @throws MatrixError `M_UNKNOWN` for another kind of login, `M_MISSING_PARAM` if the user or the password is missing
 */
function localpartOf(body: z.output<typeof loginSchema>, serverName: ServerName): string | undefined {
  const { type, identifier, password } = body;
  if (type !== FLOW || (identifier !== undefined && identifier.type !== 'm.id.user')) {
    throw new MatrixError('M_UNKNOWN', 'Only m.login.password with m.id.user is supported', { status: 400 });
  }
  const user = identifier?.user ?? body.user;
  if (!user || password === undefined) throw new MatrixError('M_MISSING_PARAM', 'user and password are required');
  if (!user.startsWith('@')) return user;
  if (!isUserId(user)) return undefined;
  const id = splitUserId(user);
  return id.serverName === serverName ? id.localpart : undefined;
}

async function isPassword(password: string, hash: string): Promise<boolean> {
  return (await compare(password, hash)) && Buffer.byteLength(password) <= MAX_PASSWORD_BYTES;
}
