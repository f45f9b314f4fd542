import type { Knex } from 'knex';
import type { Context } from 'koa';
import { ACCOUNT_TYPE } from '../accounts/account-type.ts';
import type { StandingCache } from '../accounts/standing-cache.ts';
import { MatrixError } from '../errors.ts';
import type { Appservice, Host } from '../host.ts';
import { isUserId, splitUserId, type UserId } from '../ids.ts';
import type { Metrics } from '../metrics.ts';
import type { Actor } from '../operations/actor.ts';
import type { Access } from '../operations/define-operation.ts';
import { requireAccountType } from '../pipeline/authorise-actor.ts';
import { findAppserviceOf } from '../storage/userapi/accounts.ts';
import { findTokenOwner } from '../storage/userapi/devices.ts';

/** Maximum length of an access token. The plugin refuses longer tokens without a database query. */
const MAX_TOKEN_LENGTH = 4_096;

type UserActor = Extract<Actor, { kind: 'user' }>;

const missing = (text: string): MatrixError => new MatrixError('M_MISSING_TOKEN', text);
/**
 * The error for a locked account. Because of `soft_logout`, clients keep their data until an administrator unlocks the account.
 * Source: Client-Server API, "Account locking".
 */
const locked = (): MatrixError =>
  new MatrixError('M_USER_LOCKED', 'This account has been locked', { fields: { soft_logout: true } });
const unknown = (): MatrixError => new MatrixError('M_UNKNOWN_TOKEN', 'Unknown token');

/**
 * Reads the access token of a request, by Dendrite's rules. The header must start with exactly `Bearer `. The text after these
 * characters is the token. A token in the query is allowed only if there is no `Authorization` header.
 * @throws MatrixError `M_MISSING_TOKEN` if there is no token, if the header does not start with `Bearer `, or if the request
 * has both a header and a token in the query
 */
function accessTokenOf(authorization: string | undefined, query: string | undefined): string {
  const inQuery = query !== undefined && query !== '';
  if (authorization !== undefined && authorization !== '') {
    if (inQuery) throw missing('mixing Authorization headers and access_token query parameters');
    if (!authorization.startsWith('Bearer ')) throw missing('invalid Authorization header');
    return authorization.slice('Bearer '.length);
  }
  if (!inQuery) throw missing('missing access token');
  return query;
}

/**
 * Refuses a request with several `Authorization` headers, or with several tokens in the query. A proxy in front of the
 * homeserver may check one of the tokens, and the plugin would then accept the other token, which nobody has checked.
 * @throws MatrixError `M_MISSING_TOKEN`
 */
function refuseTwoTokens(ctx: Context): void {
  const headers = ctx.req.headersDistinct.authorization ?? [];
  if (headers.length > 1 || Array.isArray(ctx.query.access_token)) {
    throw missing('there is more than one access token in the request');
  }
}

/**
 * Creates the function that finds the caller of a request by the access token. The function throws a MatrixError if the token
 * is missing or unknown, if it belongs to an ended login of an administrator as another user, if the account is locked, if an
 * application service names a user that is not its own, or if the account's type may not run operations with the given access.
 * The function counts each of these errors in the metrics.
 */
export function createAuthenticate(
  host: Pick<Host, 'db' | 'appservices'>,
  metrics: Pick<Metrics, 'authFailures'>,
  { check }: Pick<StandingCache, 'check'>,
): (ctx: Context, query: Readonly<Record<string, string>>, access: Access) => Promise<UserActor> {
  return async (ctx, query, access) => {
    try {
      refuseTwoTokens(ctx);
      const token = accessTokenOf(ctx.get('authorization'), query.access_token);
      const actor = await resolveToken(host.db, host.appservices ?? [], token, query.user_id);
      const { hasLoginEnded, locked: isLocked } = await check(actor.userId, actor.device?.deviceId);
      if (hasLoginEnded) throw unknown();
      if (isLocked) throw locked();
      requireAccountType(access, actor.accountType);
      return actor;
    } catch (error) {
      if (error instanceof MatrixError) metrics.authFailures.inc({ reason: REASONS[error.errcode] ?? 'not_admin' });
      throw error;
    }
  };
}

const REASONS: Readonly<Record<string, string>> = {
  M_MISSING_TOKEN: 'missing_token',
  M_UNKNOWN_TOKEN: 'unknown_token',
  M_USER_LOCKED: 'locked',
  M_GUEST_ACCESS_FORBIDDEN: 'guest',
};

async function resolveToken(
  db: Knex,
  appservices: readonly Appservice[],
  token: string,
  asUserId: string | undefined,
): Promise<UserActor> {
  const appservice = asUserId ? appservices.find(({ asToken }) => asToken === token) : undefined;
  if (appservice !== undefined) return appserviceActor(db, appservice, asUserId ?? '');
  const owner = isToken(token) ? await findTokenOwner(db, token) : undefined;
  if (owner === undefined) throw unknown();
  const { userId, accountType, deviceId, sessionId } = owner;
  return { kind: 'user', userId, accountType, device: { deviceId, sessionId } };
}

/** Tells whether a text can be an access token. PostgreSQL can store neither NUL nor half of a surrogate pair. */
function isToken(token: string): boolean {
  return token.length > 0 && token.length <= MAX_TOKEN_LENGTH && !token.includes('\0') && token.isWellFormed();
}

/**
 * Makes the actor for an application service that acts as one of its users. The actor never counts as an administrator, even if
 * the user is one.
 */
async function appserviceActor(db: Knex, appservice: Appservice, userId: string): Promise<UserActor> {
  if (!isUserId(userId) || userId.includes('\0')) throw unknown();
  const account = await findAppserviceOf(db, userId);
  if (account === undefined || !ownsUser(appservice, account.appserviceId, userId)) {
    throw new MatrixError('M_FORBIDDEN', 'Forbidden: appservice has not registered this user');
  }
  return { kind: 'user', userId, accountType: ACCOUNT_TYPE.appservice };
}

function ownsUser(appservice: Appservice, registeredBy: string | null, userId: UserId): boolean {
  if (registeredBy === appservice.id) return true;
  const { localpart } = splitUserId(userId);
  // `test()` would be wrong here, because it continues from the last match if the regular expression has the flag `g`.
  return localpart !== '' && appservice.userNamespaces.some((namespace) => userId.search(namespace) >= 0);
}
