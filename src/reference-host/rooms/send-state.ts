import { randomUUID } from 'node:crypto';
import { type EventId, MatrixError, type RoomEventDraft, type RoomId } from '../../index.ts';
import type { HostContext } from '../host-context.ts';
import { requireNotSuspended } from '../require-not-suspended.ts';
import { appendEvents } from './append-events.ts';
import { changeMembership, membershipDraft } from './change-membership.ts';
import { requireJoined } from './room-view.ts';
import { unsentEventId } from './unsent-event-id.ts';

/**
 * Sends a state event for a user, and returns the event's id. If the user is shadow-banned, sends nothing and returns an
 * invented id. Passes member events to `changeMembership()`, which has its own rules and errors. Source: Client-Server API,
 * "Sending events to a room".
 * @throws MatrixError `M_USER_SUSPENDED` if the user is suspended; `M_FORBIDDEN` if the user is not in the room; `M_FORBIDDEN`,
 * `M_BAD_JSON` or `M_TOO_LARGE` if the room refuses the event
 */
export async function sendState(context: HostContext, roomId: RoomId, draft: RoomEventDraft): Promise<EventId> {
  const { db, admin } = context;
  if (draft.type === 'm.room.member') return changeMembership(context, membershipDraft(roomId, draft));
  await requireNotSuspended(context, draft.sender);
  await requireJoined(db, roomId, draft.sender);
  if ((await admin.accounts.check(draft.sender)).shadowBanned) return unsentEventId(randomUUID());
  const [eventId] = await appendEvents(context, roomId, [draft]);
  if (eventId === undefined) throw new MatrixError('M_FORBIDDEN', 'the room accepts no events');
  return eventId;
}
