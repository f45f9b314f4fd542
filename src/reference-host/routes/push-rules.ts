import type Router from '@koa/router';
import { defaultPushRules } from '../../homeserver/index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { clientPaths } from '../request-parameters.ts';
import { findAccountData } from '../storage/account-data.ts';

/**
 * Adds the routes that show the user's push rules. Users of this homeserver cannot change their push rules. Source:
 * Client-Server API, "Push Rules".
 */
export function addPushRulesRoutes(router: Router, context: HostContext): void {
  const serve = (path: string, part: (rules: Readonly<Record<string, unknown>>) => unknown): void => {
    router.get([path, `${path}/`].flatMap(clientPaths), async (ctx) => {
      const { userId } = await authenticate(ctx, context);
      const stored = await findAccountData(context.db, { userId, roomId: '', type: 'm.push_rules' });
      ctx.body = part(stored ?? defaultPushRules(userId));
    });
  };
  serve('/pushrules', (rules) => rules);
  serve('/pushrules/global', (rules) => rules.global);
}
