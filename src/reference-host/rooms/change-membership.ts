import { randomUUID } from 'node:crypto';
import { findProfile, joinOf } from '../../homeserver/index.ts';
import { type EventId, isUserId, MatrixError, type RoomEventDraft, type RoomId, type UserId } from '../../index.ts';
import { splitUserId } from '../../matrix/index.ts';
import { accountSuspended } from '../account-suspended.ts';
import type { HostContext } from '../host-context.ts';
import { appendEvents } from './append-events.ts';
import { requireOpen } from './require-open.ts';
import { requireReachable } from './require-reachable.ts';
import { unsentEventId } from './unsent-event-id.ts';

/**
 * A change of a user's membership. `sender` makes the change. `userId` is the user whose membership changes, who may be the
 * sender.
 */
export interface NewMembership {
  readonly roomId: RoomId;
  readonly sender: UserId;
  readonly userId: UserId;
  /**
   * The content of the member event. `changeMembership()` adds the display name and avatar of a local user who joins, knocks or
   * is invited.
   */
  readonly content: RoomEventDraft['content'];
}

const ENTERING: readonly unknown[] = ['join', 'invite', 'knock'];

/**
 * Writes a member event. A suspended sender may only leave. A shadow-banned sender may only change their own membership. If a
 * shadow-banned sender changes the membership of another user, this function returns an invented event id, as if it had written
 * the event.
 * @throws MatrixError `M_FORBIDDEN` if the room does not allow the change, if the room is blocked, or if this homeserver cannot
 * deliver the invite; `M_USER_SUSPENDED` if the sender is suspended; `M_NOT_FOUND` if the room or the invited local user does
 * not exist; `M_BAD_STATE` while the room is being purged
 */
export async function changeMembership(context: HostContext, change: NewMembership): Promise<EventId> {
  const { admin } = context;
  const { roomId, sender, userId, content } = change;
  const isOwn = sender === userId;
  const { suspended, shadowBanned } = await admin.accounts.check(sender);
  if (suspended && !(isOwn && content.membership === 'leave')) throw accountSuspended();
  if (shadowBanned && !isOwn) return unsentEventId(randomUUID());
  if (content.membership === 'invite') await requireReachable(context, userId, roomId);
  const isEntering = ENTERING.includes(content.membership);
  const draft = isEntering ? await withProfile(context, change) : content;
  const [eventId] = await appendEvents(
    context,
    roomId,
    [{ type: 'm.room.member', sender, stateKey: userId, content: draft }],
    async (transaction) => {
      if (isEntering && isLocal(context, userId)) await requireOpen(context, roomId, transaction);
    },
  );
  if (eventId === undefined) throw new MatrixError('M_FORBIDDEN', 'the room accepts no events');
  return eventId;
}

/**
 * Converts a state event of the type `m.room.member` that a client wants to send.
 * @throws MatrixError `M_INVALID_PARAM` if the state key is not a user id
 */
export function membershipDraft(roomId: RoomId, { sender, stateKey = '', content }: RoomEventDraft): NewMembership {
  if (!isUserId(stateKey)) throw new MatrixError('M_INVALID_PARAM', 'the state key is not a user id');
  return { roomId, sender, userId: stateKey, content };
}

const isLocal = ({ signingKey }: HostContext, userId: UserId): boolean =>
  splitUserId(userId).serverName === signingKey.serverName;

async function withProfile(
  context: HostContext,
  { userId, content }: NewMembership,
): Promise<RoomEventDraft['content']> {
  const profile = isLocal(context, userId) ? await findProfile(context.db, userId) : undefined;
  return { ...joinOf(userId, profile).content, ...content };
}
