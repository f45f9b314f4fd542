import type Router from '@koa/router';
import { z } from 'zod';
import { MatrixError } from '../../index.ts';
import { splitUserId } from '../../matrix/index.ts';
import { authenticateOwn } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, parameterOf } from '../request-parameters.ts';
import { findFilter, storeFilter } from '../storage/filters.ts';

const filterSchema = z.record(z.string(), z.unknown());

/** Adds the routes that store and return filters for `/sync`. Source: Client-Server API, "Filtering". */
export function addFilterRoutes(router: Router, context: HostContext): void {
  router.post(clientPaths('/user/:userId/filter'), async (ctx: ClientRequest) => {
    const { localpart } = splitUserId(await authenticateOwn(ctx, context));
    ctx.body = { filter_id: await storeFilter(context.db, localpart, bodyOf(ctx, filterSchema)) };
  });
  router.get(clientPaths('/user/:userId/filter/:filterId'), async (ctx: ClientRequest) => {
    const { localpart } = splitUserId(await authenticateOwn(ctx, context));
    const filter = await findFilter(context.db, localpart, parameterOf(ctx, 'filterId'));
    if (filter === undefined) throw new MatrixError('M_NOT_FOUND', 'No such filter');
    ctx.body = filter;
  });
}
