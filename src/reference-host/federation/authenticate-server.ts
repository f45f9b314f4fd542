import type { Context, Middleware } from 'koa';
import { errorFields } from '../../homeserver/index.ts';
import { FederationError, MatrixError, type ServerKey } from '../../index.ts';
import { hasValidSignature, isRecord } from '../../matrix/index.ts';
import { type FederationContext, isLocal } from './federation-context.ts';
import { parseAuthorization, type XMatrix } from './x-matrix.ts';

const WITH_BODY = ['PUT', 'POST'];
const KEY_LIMIT_MS = 30_000;

const refusal = (message: string): MatrixError => new MatrixError('M_FORBIDDEN', message, { status: 401 });

/**
 * Makes a middleware that accepts only requests that another server has signed for this homeserver. The middleware stores the
 * name of the other server as `ctx.state.origin`, and the local server name for which the request is signed as
 * `ctx.state.destination`. If the request names none, this is the main server name. The middleware also calls `context.alive()`
 * for the other server. Source: Server-Server API, "Request Authentication".
 * @throws MatrixError `M_FORBIDDEN` with status 401
 */
export function authenticateServer(context: FederationContext): Middleware {
  return async (ctx, next) => {
    const claim = parseAuthorization(ctx.get('authorization'));
    if (claim === undefined) throw refusal('The request is not signed by a server');
    const { origin, destination = context.serverName } = claim;
    if (!isLocal(context, destination)) throw refusal('The request is signed for another server');
    const [key] = await keysFor(context, claim);
    if (key === undefined || !hasValidSignature(signedForm(ctx, claim, destination), key)) {
      throw refusal('The signature is not valid');
    }
    ctx.state.origin = origin;
    ctx.state.destination = destination;
    context.alive(origin).catch((error: unknown) => {
      context.logger.error({ ...errorFields(error), origin }, 'Could not store that a server is alive');
    });
    await next();
  };
}

function signedForm(ctx: Context, { origin, keyId, signature }: XMatrix, destination: string): Record<string, unknown> {
  const content: unknown = ctx.request.body;
  return {
    method: ctx.method,
    uri: ctx.req.url,
    origin,
    destination,
    ...(WITH_BODY.includes(ctx.method) && isRecord(content) && { content }),
    signatures: { [origin]: { [keyId]: signature } },
  };
}

async function keysFor(
  { verifyKeys, serverName }: FederationContext,
  { origin, keyId }: XMatrix,
): Promise<readonly ServerKey[]> {
  const question = { origin: serverName, destination: origin, keyIds: [keyId], minimumValidUntilTs: Date.now() };
  try {
    return await verifyKeys(question, { signal: AbortSignal.timeout(KEY_LIMIT_MS) });
  } catch (error) {
    if (error instanceof FederationError) throw refusal(`The keys of the server are unknown: ${error.message}`);
    throw error;
  }
}
