import type { Knex } from 'knex';
import { type EventId, MatrixError, type RoomEventDraft, type RoomId } from '../../index.ts';
import { announce } from '../announce.ts';
import type { HostContext } from '../host-context.ts';
import type { Device } from '../storage/devices.ts';
import { findSentEvent, type SentEvent } from '../storage/rooms.ts';
import { changesOf, requireAll } from './append-events.ts';
import { type RoomTurn, takeTurn } from './take-turn.ts';
import { unsentEventId } from './unsent-event-id.ts';

interface Request {
  readonly roomId: RoomId;
  readonly type: string;
  readonly content: RoomEventDraft['content'];
  readonly redacts?: EventId;
  readonly transactionId: string;
  /**
   * If the device has already sent an event of this type with the same transaction id to the room, this function tells whether
   * that event belongs to the same request. @defaultValue it always belongs to the same request
   */
  readonly isSame?: (sent: SentEvent) => boolean;
  /**
   * Makes further checks before the homeserver writes the event.
   * @throws MatrixError if the homeserver must refuse the event, although the room would accept it
   */
  readonly check?: (turn: RoomTurn, transaction: Knex.Transaction) => Promise<void>;
}

/**
 * Writes an event of a client into a room, tells clients and other servers about it, and returns its id. If the client has
 * repeated a request, writes nothing and returns the id of the earlier event. If the user is shadow-banned, writes nothing and
 * returns an invented id.
 * @throws MatrixError `M_FORBIDDEN` if the user is not in the room; `M_FORBIDDEN`, `M_BAD_JSON` or `M_TOO_LARGE` if the room
 * refuses the event; or an error of `check`
 */
export async function sendEvent(
  context: HostContext,
  device: Device,
  { roomId, type, content, redacts, transactionId, isSame = () => true, check }: Request,
): Promise<EventId> {
  const { db, admin } = context;
  const { shadowBanned } = await admin.accounts.check(device.userId);
  const { eventId, appended } = await db.transaction(async (transaction) => {
    const turn = await takeTurn(admin.rooms.states, transaction, roomId, device);
    const sent = await findSentEvent(transaction, roomId, device, type, transactionId);
    if (sent !== undefined && isSame(sent)) return { eventId: sent.eventId };
    await check?.(turn, transaction);
    if (shadowBanned) return { eventId: unsentEventId(device.userId, device.sessionId, roomId, type, transactionId) };
    const request = { sessionId: device.sessionId, transactionId };
    const draft = { type, sender: device.userId, content, request, ...(redacts !== undefined && { redacts }) };
    const written = requireAll(await admin.rooms.append(transaction, roomId, [draft]));
    const [event] = written.events;
    if (event === undefined) throw new MatrixError('M_FORBIDDEN', 'the room accepts no events');
    return { eventId: event.eventId, appended: written };
  });
  if (appended !== undefined) await announce(context, changesOf(appended));
  return eventId;
}
