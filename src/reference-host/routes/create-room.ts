import type Router from '@koa/router';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { clientPaths } from '../request-parameters.ts';
import { createRoom } from '../rooms/create-room.ts';
import { newRoomSchema } from '../rooms/new-room.ts';

/** Adds the route that creates rooms. Source: Client-Server API, "Creation". */
export function addCreateRoomRoute(router: Router, context: HostContext): void {
  router.post(clientPaths('/createRoom'), async (ctx) => {
    const { userId } = await authenticate(ctx, context);
    ctx.body = { room_id: await createRoom(context, userId, bodyOf(ctx, newRoomSchema)) };
  });
}
