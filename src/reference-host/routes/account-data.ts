import type Router from '@koa/router';
import { z } from 'zod';
import { upsertAccountData } from '../../homeserver/index.ts';
import { MatrixError } from '../../index.ts';
import { announce } from '../announce.ts';
import { authenticateOwn } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, parameterOf, roomIdOf } from '../request-parameters.ts';
import { findAccountData } from '../storage/account-data.ts';

/** Types of account data that these routes do not change. The specification has other routes for these types. */
const OWN_ROUTES = ['m.fully_read', 'm.push_rules'];
const contentSchema = z.record(z.string(), z.unknown());

/**
 * Adds the routes for a user's global account data, and for the user's account data of single rooms. Source: Client-Server API,
 * "Client Config".
 */
export function addAccountDataRoutes(router: Router, context: HostContext): void {
  const { db } = context;
  const serve = (path: string, roomOf: (ctx: ClientRequest) => string): void => {
    router.get(clientPaths(path), async (ctx: ClientRequest) => {
      const userId = await authenticateOwn(ctx, context);
      const content = await findAccountData(db, { userId, roomId: roomOf(ctx), type: parameterOf(ctx, 'type') });
      if (content === undefined) throw new MatrixError('M_NOT_FOUND', 'Account data not found');
      ctx.body = content;
    });
    router.put(clientPaths(path), async (ctx: ClientRequest) => {
      const userId = await authenticateOwn(ctx, context);
      const [roomId, type, content] = [roomOf(ctx), parameterOf(ctx, 'type'), bodyOf(ctx, contentSchema)];
      if (OWN_ROUTES.includes(type)) {
        throw new MatrixError('M_BAD_JSON', `${type} cannot be set through this API`, { status: 405 });
      }
      await db.transaction((transaction) => upsertAccountData(transaction, { userId, roomId, type, content }));
      await announce(context, { users: [userId] });
      ctx.body = {};
    });
  };
  serve('/user/:userId/account_data/:type', () => '');
  serve('/user/:userId/rooms/:roomId/account_data/:type', roomIdOf);
}
