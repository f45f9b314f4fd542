import { describeError, findProfile, joinOf } from '../../homeserver/index.ts';
import { MatrixError, type UserId } from '../../index.ts';
import type { HostContext } from '../host-context.ts';
import { joinedRooms } from '../storage/rooms.ts';
import { appendEvents } from './append-events.ts';

/**
 * Writes a new member event with the user's profile into each room that the user has joined. A room that refuses the event
 * keeps the old profile. Writes nothing if the user is shadow-banned.
 */
export async function showProfile(context: HostContext, userId: UserId): Promise<void> {
  const { db, admin, logger } = context;
  if ((await admin.accounts.check(userId)).shadowBanned) return;
  const draft = joinOf(userId, await findProfile(db, userId));
  for (const roomId of await joinedRooms(db, userId)) {
    try {
      await appendEvents(context, roomId, [draft]);
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      logger.info({ roomId, error: describeError(error) }, 'Could not change the profile of a user in a room');
    }
  }
}
