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
  /** The reason that the user gives for the join. `undefined` if the user gives none. */
  readonly reason: string | undefined;
  /**
   * Other servers that may be in the room. If this homeserver is not in the room, the user joins through one of these servers.
   */
  readonly via: readonly ServerName[];
}

/**
 * Joins a user to a room. If this homeserver is not in the room, the user joins through another server. Does nothing if the
 * user is already in the room.
 * @throws MatrixError `M_FORBIDDEN` if the user may not join, if the room is blocked, or if the user would have to join through
 * another server and this homeserver sends no requests to other servers; `M_USER_SUSPENDED` if the user is suspended;
 * `M_BAD_STATE` while the room is being purged; `M_NOT_FOUND` or `M_UNKNOWN` if a join through another server fails
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
