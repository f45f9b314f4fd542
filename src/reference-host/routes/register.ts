import { randomBytes } from 'node:crypto';
import type Router from '@koa/router';
import { hash } from '@node-rs/bcrypt';
import { z } from 'zod';
import { ACCOUNT_TYPE, checkPassword, checkUsername, createAccount } from '../../homeserver/index.ts';
import { MatrixError, type UserId } from '../../index.ts';
import { splitUserId } from '../../matrix/index.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { clientPaths } from '../request-parameters.ts';
import { storableText } from '../storable-text.ts';
import { createDevice } from '../storage/devices.ts';

const STAGE = 'm.login.registration_token';
const BCRYPT_COST = 10;

const registerSchema = z.object({
  username: z.string().min(1).max(255).optional(),
  password: z.string().optional(),
  device_id: storableText(255).min(1).optional(),
  initial_device_display_name: storableText(255).optional(),
  inhibit_login: z.boolean().optional(),
  auth: z.object({ type: z.string().optional(), token: storableText(255).optional() }).optional(),
});
type Body = z.output<typeof registerSchema>;

/**
 * Adds the route for registration with a token that an administrator has created. Source: Client-Server API, "Account
 * registration" and "Token-authenticated registration".
 */
export function addRegisterRoute(router: Router, context: HostContext): void {
  router.post(clientPaths('/register'), async (ctx) => {
    if (ctx.query.kind === 'guest') throw new MatrixError('M_FORBIDDEN', 'There are no guests here');
    const body = bodyOf(ctx, registerSchema);
    if (body.auth?.type !== STAGE) {
      ctx.status = 401;
      ctx.body = { session: randomBytes(16).toString('base64url'), flows: [{ stages: [STAGE] }], params: {} };
      return;
    }
    const userId = await register(context, body);
    const deviceId = body.device_id ?? randomBytes(6).toString('base64url');
    const device = { ...splitUserId(userId), deviceId, displayName: body.initial_device_display_name ?? null };
    const client = { address: `${ctx.ip}:${ctx.socket.remotePort ?? 0}`, userAgent: ctx.get('user-agent') };
    const token = body.inhibit_login ? undefined : await createDevice(context, { ...device, ...client });
    ctx.body = { user_id: userId, ...(token !== undefined && { access_token: token, device_id: deviceId }) };
  });
}

/**
 * Creates the account, and counts one use of the registration token. If the account cannot be created, counts no use.
 * @throws MatrixError if the user name or the password is missing, if the user name, the password or the token is not
 * acceptable, or if the account exists
 */
async function register(context: HostContext, { username, password, auth }: Body): Promise<UserId> {
  const { db, admin, signingKey } = context;
  if (username === undefined || password === undefined) {
    throw new MatrixError('M_MISSING_PARAM', 'username and password are required');
  }
  const userId = checkUsername(username, signingKey.serverName, { appservices: [], serverNotices: undefined });
  checkPassword(password);
  const token = auth?.token ?? '';
  if (!(await admin.registrationTokens.use(token))) throw new MatrixError('M_FORBIDDEN', 'Invalid registration token');
  try {
    const passwordHash = await hash(password, { cost: BCRYPT_COST, version: '2a' });
    const account = { userId, passwordHash, accountType: ACCOUNT_TYPE.user };
    await db.transaction((transaction) => createAccount(transaction, account));
  } catch (error) {
    await admin.registrationTokens.release(token, 'abandoned');
    throw error;
  }
  await admin.registrationTokens.release(token, 'completed');
  return userId;
}
