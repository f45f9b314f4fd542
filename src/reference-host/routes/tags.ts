import type Router from '@koa/router';
import { z } from 'zod';
import { upsertAccountData } from '../../homeserver/index.ts';
import { isRecord } from '../../matrix/index.ts';
import { announce } from '../announce.ts';
import { authenticateOwn } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, parameterOf, roomIdOf } from '../request-parameters.ts';
import { findAccountData, lockAccountData } from '../storage/account-data.ts';

type Tags = Readonly<Record<string, unknown>>;

const TYPE = 'm.tag';
const PATH = '/user/:userId/rooms/:roomId/tags';
const tagSchema = z.looseObject({ order: z.number().optional() });

const tagsOf = (content: Tags | undefined): Tags => (isRecord(content?.tags) ? content.tags : {});

/** Adds the routes for the tags that a user gives to rooms. Source: Client-Server API, "Room Tagging". */
export function addTagRoutes(router: Router, context: HostContext): void {
  const { db } = context;
  const change = async (ctx: ClientRequest, changed: (tags: Tags, tag: string) => Tags): Promise<void> => {
    const key = { userId: await authenticateOwn(ctx, context), roomId: roomIdOf(ctx), type: TYPE };
    const tag = parameterOf(ctx, 'tag');
    await db.transaction(async (transaction) => {
      const tags = changed(tagsOf(await lockAccountData(transaction, key)), tag);
      await upsertAccountData(transaction, { ...key, content: { tags } });
    });
    await announce(context, { users: [key.userId] });
    ctx.body = {};
  };

  router.get(clientPaths(PATH), async (ctx: ClientRequest) => {
    const key = { userId: await authenticateOwn(ctx, context), roomId: roomIdOf(ctx), type: TYPE };
    ctx.body = { tags: tagsOf(await findAccountData(db, key)) };
  });
  router.put(clientPaths(`${PATH}/:tag`), (ctx: ClientRequest) =>
    change(ctx, (tags, tag) => ({ ...tags, [tag]: bodyOf(ctx, tagSchema) })),
  );
  router.delete(clientPaths(`${PATH}/:tag`), (ctx: ClientRequest) =>
    change(ctx, (tags, tag) => Object.fromEntries(Object.entries(tags).filter(([name]) => name !== tag))),
  );
}
