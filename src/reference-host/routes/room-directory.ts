import type Router from '@koa/router';
import { z } from 'zod';
import { isRoomId, MatrixError, type RoomId } from '../../index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { aliasOf, type ClientRequest, clientPaths, roomIdOf } from '../request-parameters.ts';
import { requireNotSuspended } from '../require-not-suspended.ts';
import { mayChangeAliases } from '../rooms/may-change-aliases.ts';
import { requireJoined } from '../rooms/room-view.ts';
import { isPublished } from '../storage/public-rooms.ts';
import { deleteAlias, findAlias, insertAlias } from '../storage/room-aliases.ts';

const ALIAS = clientPaths('/directory/room/:alias');
const LISTED = clientPaths('/directory/list/room/:roomId');
const aliasSchema = z.object({
  room_id: z.custom<RoomId>((value) => typeof value === 'string' && isRoomId(value), 'not a room id'),
});
const visibilitySchema = z.object({ visibility: z.enum(['public', 'private']).default('public') });

/**
 * Adds the routes for local aliases, and for showing rooms in the room directory. Source: Client-Server API, "Room Aliases" and
 * "Listing rooms".
 */
export function addRoomDirectoryRoutes(router: Router, context: HostContext): void {
  const { db, admin, signingKey } = context;
  const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'Room alias not found');

  router.get(ALIAS, async (ctx: ClientRequest) => {
    const found = await findAlias(db, aliasOf(ctx));
    if (found === undefined) throw notFound();
    ctx.body = { room_id: found.roomId, servers: [signingKey.serverName] };
  });
  router.put(ALIAS, async (ctx: ClientRequest) => {
    const { userId: creator } = await authenticate(ctx, context);
    await requireNotSuspended(context, creator);
    const [alias, { room_id: roomId }] = [aliasOf(ctx), bodyOf(ctx, aliasSchema)];
    if (!alias.endsWith(`:${signingKey.serverName}`)) {
      throw new MatrixError('M_INVALID_PARAM', 'The alias belongs to another server');
    }
    await requireJoined(db, roomId, creator);
    if (!(await insertAlias(db, alias, { roomId, creator }))) {
      throw new MatrixError('M_UNKNOWN', `The alias ${alias} already exists`, { status: 409 });
    }
    ctx.body = {};
  });
  router.delete(ALIAS, async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const alias = aliasOf(ctx);
    const found = await findAlias(db, alias);
    if (found === undefined) throw notFound();
    if (found.creator !== userId && !(await mayChangeAliases(context, found.roomId, userId))) {
      throw new MatrixError('M_FORBIDDEN', 'You may not remove this alias');
    }
    await deleteAlias(db, alias);
    ctx.body = {};
  });

  router.get(LISTED, async (ctx: ClientRequest) => {
    ctx.body = { visibility: (await isPublished(db, roomIdOf(ctx))) ? 'public' : 'private' };
  });
  router.put(LISTED, async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const [roomId, { visibility }] = [roomIdOf(ctx), bodyOf(ctx, visibilitySchema)];
    await requireNotSuspended(context, userId);
    if (!(await mayChangeAliases(context, roomId, userId))) {
      throw new MatrixError('M_FORBIDDEN', 'You may not change the place of this room in the directory');
    }
    const published = visibility === 'public';
    await admin.operations.setRoomPublished(
      { roomId, published },
      { actor: { kind: 'system', name: 'room-directory' } },
    );
    ctx.body = {};
  });
}
