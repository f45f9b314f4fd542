import type Router from '@koa/router';
import { z } from 'zod';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { clientPaths } from '../request-parameters.ts';
import { storableText } from '../storable-text.ts';
import { findUsers } from '../storage/user-directory.ts';

const MAX_USERS = 50;
const searchSchema = z.object({
  search_term: storableText(255),
  limit: z.int().positive().max(MAX_USERS).catch(MAX_USERS).default(10),
});

/** Adds the route that searches the users of this homeserver. Source: Client-Server API, "User Directory". */
export function addUserDirectoryRoute(router: Router, context: HostContext): void {
  router.post(clientPaths('/user_directory/search'), async (ctx) => {
    await authenticate(ctx, context);
    const { search_term: term, limit } = bodyOf(ctx, searchSchema);
    const found = await findUsers(context.db, term, limit + 1);
    ctx.body = {
      limited: found.length > limit,
      results: found.slice(0, limit).map(({ userId, displayName, avatarUrl }) => ({
        user_id: userId,
        ...(displayName !== '' && { display_name: displayName }),
        ...(avatarUrl !== '' && { avatar_url: avatarUrl }),
      })),
    };
  });
}
