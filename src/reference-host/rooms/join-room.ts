import { MatrixError, type RoomId, type ServerName, type UserId } from '../../index.ts';
import { splitUserId } from '../../matrix/index.ts';
import { announce } from '../announce.ts';
import type { HostContext } from '../host-context.ts';
import { requireNotSuspended } from '../require-not-suspended.ts';
import { findMembership } from '../storage/memberships.ts';
import { isServerInRoom } from '../storage/room-views.ts';
import { changeMembership } from './change-membership.ts';
import { requireOpen } from './require-open.ts';

export interface Join {
  readonly roomId: RoomId;
  readonly userId: UserId;
  /** Why the user joins. `undefined` if the user gives no reason. */
  readonly reason: string | undefined;
  /** Other servers that may be in the room, so that the user can join through them. */
  readonly via: readonly ServerName[];
}

/**
 * Joins a user to a room. If this homeserver is not in the room, the user joins through another server. Does nothing if the
 * user is already in the room.
 * @throws MatrixError `M_FORBIDDEN`, `M_USER_SUSPENDED`, `M_BAD_STATE` or `M_NOT_FOUND`
 */
export async function joinRoom(context: HostContext, { roomId, userId, reason, via }: Join): Promise<void> {
  const { db, joinRemoteRoom } = context;
  if (await isServerInRoom(db, roomId, splitUserId(userId).serverName)) {
    if ((await findMembership(db, roomId, userId))?.membership === 'join') return;
    const content = { membership: 'join', ...(reason !== undefined && { reason }) };
    await changeMembership(context, { roomId, sender: userId, userId, content });
    return;
  }
  await requireNotSuspended(context, userId);
  await requireOpen(context, roomId);
  if (joinRemoteRoom === undefined) {
    throw new MatrixError('M_FORBIDDEN', 'This homeserver sends no requests to other servers');
  }
  await joinRemoteRoom({ roomId, userId, via });
  await announce(context, { rooms: [roomId], users: [userId] });
}
