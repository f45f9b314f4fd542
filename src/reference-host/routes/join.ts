import type Router from '@koa/router';
import { z } from 'zod';
import { isServerName, type RoomId, type ServerName } from '../../index.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { bodyOf } from '../json-body.ts';
import { type ClientRequest, clientPaths, parameterOf } from '../request-parameters.ts';
import { joinRoom } from '../rooms/join-room.ts';
import { resolveRoom } from '../rooms/resolve-room.ts';

const PATHS = ['/join/:roomIdOrAlias', '/rooms/:roomIdOrAlias/join'].flatMap(clientPaths);
const joinSchema = z.object({ reason: z.string().optional() });

/** Adds the route with which users join rooms. Source: Client-Server API, "Joining rooms". */
export function addJoinRoute(router: Router, context: HostContext): void {
  router.post(PATHS, async (ctx: ClientRequest) => {
    const { userId } = await authenticate(ctx, context);
    const roomId = await resolveRoom(context, parameterOf(ctx, 'roomIdOrAlias'));
    const { reason } = bodyOf(ctx, joinSchema);
    await joinRoom(context, { roomId, userId, reason, via: serversOf(ctx, roomId) });
    ctx.body = { room_id: roomId };
  });
}

/**
 * Returns the servers that the client names in the query parameters `via` and `server_name`, and the server in the room id.
 * Leaves out names that are not valid.
 */
function serversOf({ query }: ClientRequest, roomId: RoomId): ServerName[] {
  const named = [query.via ?? [], query.server_name ?? [], roomId.split(':').slice(1).join(':')].flat();
  return [...new Set(named)].filter(isServerName);
}
