import Router from '@koa/router';
import Koa from 'koa';
import { createHttpServer, type HttpServer } from '../http-server.ts';
import { parseJsonBody } from '../json-body.ts';
import { answerUnrecognized, createResponder } from '../responder.ts';
import { authenticateServer } from './authenticate-server.ts';
import type { Certificate } from './certificate.ts';
import type { FederationContext } from './federation-context.ts';
import { addDeviceRoutes } from './routes/devices.ts';
import { addInviteRoute } from './routes/invite.ts';
import { addKeyRoutes } from './routes/keys.ts';
import { addMembershipRoutes } from './routes/membership.ts';
import { addStateRoutes } from './routes/state.ts';
import { addTransactionRoute } from './routes/transactions.ts';

/** Maximum size of a request body. This is enough for 50 events of 64 KiB and 100 EDUs (messages that are not events). */
const MAX_BODY = '16mb';

/**
 * Creates the HTTPS server for other homeservers. Everybody may request the version and the keys of this homeserver. All other
 * routes need signed requests.
 */
export function createFederationServer(context: FederationContext, certificate: Certificate): HttpServer {
  const open = new Router({ sensitive: true, strict: true });
  addKeyRoutes(open, context);
  const signed = new Router({ sensitive: true, strict: true });
  addTransactionRoute(signed, context);
  addMembershipRoutes(signed, context);
  addInviteRoute(signed, context);
  addStateRoutes(signed, context);
  addDeviceRoutes(signed, context);
  const authenticate = authenticateServer(context);
  const app = new Koa();
  app.use(createResponder(context.logger)).use(parseJsonBody(MAX_BODY));
  app.use((ctx, next) => (signed.match(ctx.path, ctx.method).route ? authenticate(ctx, next) : next()));
  app.use(async (ctx, next) => {
    try {
      await next();
    } finally {
      // The request may have written events, even if it has failed later. The call makes every process of the homeserver look
      // for new rows, and wake the clients that wait in `/sync` for these rows. For this, the call needs no user ids.
      if (ctx.method === 'PUT') await context.notifier.usersChanged([]);
    }
  });
  app.use(open.routes()).use(signed.routes()).use(answerUnrecognized(open, signed));
  return createHttpServer(app.callback(), certificate);
}
