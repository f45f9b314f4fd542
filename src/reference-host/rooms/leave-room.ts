import { findRoomOfUser, rejectRemoteInvite } from '../../homeserver/index.ts';
import type { RoomId, UserId } from '../../index.ts';
import { splitUserId } from '../../matrix/index.ts';
import { announce } from '../announce.ts';
import type { HostContext } from '../host-context.ts';
import { changeMembership } from './change-membership.ts';

const LIMIT_MS = 10_000;

/**
 * Makes a user leave a room, reject an invite, or withdraw a knock. An invite from another server is rejected through that
 * server. If this fails, the invite ends on this homeserver only.
 * @throws MatrixError `M_FORBIDDEN` if the user is not in the room, is not invited, and does not knock; `M_NOT_FOUND` if the
 * room is unknown; `M_BAD_STATE` while the room is being purged
 */
export async function leaveRoom(
  context: HostContext,
  { roomId, userId, reason }: { readonly roomId: RoomId; readonly userId: UserId; readonly reason: string | undefined },
): Promise<void> {
  const { db, admin, federation, signingKey, logger } = context;
  const room = await findRoomOfUser(db, userId, roomId);
  if (room?.isInState === false) {
    if (room.inviter !== undefined) {
      const invite = { roomId, userId, destination: splitUserId(room.inviter).serverName };
      const signal = AbortSignal.timeout(LIMIT_MS);
      const settings = { federation, signingKeys: [signingKey], limitMs: LIMIT_MS, signal };
      const failure = await rejectRemoteInvite(invite, settings).catch(String);
      if (failure !== undefined)
        logger.info(
          { roomId, reason: failure },
          'Could not tell the server of the inviter that the user rejects the invite',
        );
    }
    await db.transaction((transaction) => admin.rooms.retireInvite(transaction, roomId, userId));
    await announce(context, { users: [userId] });
    return;
  }
  const content = { membership: 'leave', ...(reason !== undefined && { reason }) };
  await changeMembership(context, { roomId, sender: userId, userId, content });
}
