import { isAccount } from '../../homeserver/index.ts';
import { MatrixError, type RoomId, type UserId } from '../../index.ts';
import { splitUserId } from '../../matrix/index.ts';
import type { HostContext } from '../host-context.ts';
import { isServerInRoom } from '../storage/room-views.ts';

/**
 * Checks that an invited user can receive the invite: the user is a local user, or the user's server is already in the room.
 * This homeserver sends no invites to servers that are not in the room.
 * @param roomId `undefined` if the room is new
 * @throws MatrixError `M_NOT_FOUND` if a local user does not exist, `M_FORBIDDEN` if the server of a remote user is not in the
 * room
 */
export async function requireReachable(
  { db, signingKey }: HostContext,
  userId: UserId,
  roomId: RoomId | undefined,
): Promise<void> {
  const { serverName } = splitUserId(userId);
  if (serverName === signingKey.serverName) {
    if (!(await isAccount(db, userId))) throw new MatrixError('M_NOT_FOUND', 'User not found');
  } else if (roomId === undefined || !(await isServerInRoom(db, roomId, serverName))) {
    const reason = `No user of ${serverName} is in the room, and this homeserver cannot invite one`;
    throw new MatrixError('M_FORBIDDEN', reason);
  }
}
