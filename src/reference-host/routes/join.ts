import type Router from '@koa/router';
import type { Context } from 'koa';
import { MatrixError } from '../../errors.ts';
import { isRoomId, isServerName, type RoomId, type ServerName, splitUserId, type UserId } from '../../ids.ts';
import { authenticate } from '../authenticate.ts';
import type { HostContext } from '../host-context.ts';
import { isServerInRoom } from '../storage/room-views.ts';

type JoinContext = Context & { params: Readonly<Record<string, string>> };

const PATHS = ['r0', 'v3'].flatMap((version) => [
  `/_matrix/client/${version}/join/:roomId`,
  `/_matrix/client/${version}/rooms/:roomId/join`,
]);

/** Client-Server API, "Joining rooms", by room id. */
export function addJoinRoute(router: Router, context: HostContext): void {
  router.post(PATHS, async (ctx: JoinContext) => {
    const { userId } = await authenticate(ctx, context);
    const { roomId = '' } = ctx.params;
    if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', 'not a room id');
    const { serverName } = splitUserId(userId);
    if (await isServerInRoom(context.db, roomId, serverName)) await joinHere(context, roomId, userId);
    else await joinElsewhere(context, roomId, userId, serversOf(ctx, roomId));
    ctx.body = { room_id: roomId };
  });
}

async function joinHere({ db, admin, federation }: HostContext, roomId: RoomId, userId: UserId): Promise<void> {
  const draft = { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'join' } };
  const { refused, destinations } = await db.transaction(async (transaction) => {
    const appended = await admin.rooms.append(transaction, roomId, [draft]);
    requireOpen(await admin.rooms.check(roomId, { transaction }));
    return appended;
  });
  if (refused[0] !== undefined) throw refused[0].error;
  await federation?.wake(destinations);
}

async function joinElsewhere(
  { admin, joinRemoteRoom }: HostContext,
  roomId: RoomId,
  userId: UserId,
  via: readonly ServerName[],
): Promise<void> {
  requireOpen(await admin.rooms.check(roomId));
  if (joinRemoteRoom === undefined)
    throw new MatrixError('M_FORBIDDEN', 'This homeserver sends no requests to other servers');
  await joinRemoteRoom({ roomId, userId, via });
}

function requireOpen(admission: 'open' | 'blocked' | 'purging'): void {
  if (admission === 'blocked') throw new MatrixError('M_FORBIDDEN', 'This room is blocked on this server');
  if (admission === 'purging') throw new MatrixError('M_BAD_STATE', 'The room is being purged');
}

/** The servers that the client names, and the server in the room id. */
function serversOf({ query }: Context, roomId: RoomId): ServerName[] {
  const named = [query.via ?? [], query.server_name ?? [], roomId.split(':').slice(1).join(':')].flat();
  return [...new Set(named)].filter(isServerName);
}
