import { receiveEvent } from '../../homeserver/index.ts';
import { isRoomId, MatrixError, type ServerName } from '../../index.ts';
import { type CheckedEvent, type EventJson, roomVersionOf } from '../../matrix/index.ts';
import { requireRoom } from './event-template.ts';
import type { FederationContext } from './federation-context.ts';
import { verifyEvent } from './verify-event.ts';

/**
 * Verifies an event of another server, and writes it into its room. Does nothing if the room already has the event.
 * @param tell tells whether this homeserver sends the event to a server @defaultValue it sends the event to no server, because
 * the event's own server sends it
 * @throws MatrixError with the reason why the event is refused
 */
export async function receive(
  context: FederationContext,
  received: EventJson,
  tell: (serverName: ServerName) => boolean = () => false,
): Promise<CheckedEvent> {
  const { room_id: roomId } = received;
  if (typeof roomId !== 'string' || !isRoomId(roomId)) throw new MatrixError('M_BAD_JSON', 'the event has no room_id');
  const { version } = await requireRoom(context.db, roomId);
  const checked = await verifyEvent(context, received, roomId, roomVersionOf(version));
  const settings = { ...context.chain, isTold: tell };
  const destinations = await context.db.transaction((transaction) =>
    receiveEvent(transaction, roomId, checked, settings),
  );
  context.wake(destinations ?? []);
  return checked;
}
