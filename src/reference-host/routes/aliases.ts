import type Router from '@koa/router';
import { ACCOUNT_TYPE, findAccountType } from '../../homeserver/index.ts';
import { isRoomId, MatrixError } from '../../index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { listAliases } from '../storage/room-aliases.ts';
import { joinedRooms } from '../storage/rooms.ts';

const PATHS = ['/_matrix/client/r0/rooms/:roomId/aliases', '/_matrix/client/v3/rooms/:roomId/aliases'];

/**
 * Adds the route that lists the local aliases of a room. Members of the room may use the route. Administrators may use the
 * route too, because admin consoles request it. Source: Client-Server API, "Room Aliases".
 */
export function addAliasesRoute(router: Router, context: HostContext): void {
  const { db } = context;
  router.get(PATHS, async (ctx) => {
    const { userId } = await authenticate(ctx, context);
    const { roomId = '' } = ctx.params;
    if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', 'not a room id');
    const isAllowed =
      (await joinedRooms(db, userId)).includes(roomId) || (await findAccountType(db, userId)) === ACCOUNT_TYPE.admin;
    if (!isAllowed) throw new MatrixError('M_FORBIDDEN', 'You are not in the room');
    ctx.body = { aliases: await listAliases(db, roomId) };
  });
}
