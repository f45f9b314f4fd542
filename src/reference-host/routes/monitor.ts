import type Router from '@koa/router';
import { errorFields } from '../../homeserver/index.ts';
import type { HostContext } from '../host-context.ts';

/** Adds the routes that tell whether the process is running (`up`), and whether the database answers (`health`). */
export function addMonitorRoutes(router: Router, { db, logger }: HostContext): void {
  router.get('/_dendrite/monitor/up', (ctx) => {
    ctx.status = 200;
    ctx.body = '';
  });
  router.get(['/_dendrite/monitor/health', '/health'], async (ctx) => {
    try {
      await db.raw('SELECT 1');
      ctx.status = 200;
      ctx.body = '';
    } catch (error) {
      logger.warn(errorFields(error), 'The database does not answer');
      ctx.status = 503;
      ctx.body = { warnings: ['the database does not answer'] };
    }
  });
}
