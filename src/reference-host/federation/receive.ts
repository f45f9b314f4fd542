import { receiveEvent } from '../../homeserver/index.ts';
import { isRoomId, MatrixError, type ServerName } from '../../index.ts';
import { type CheckedEvent, type EventJson, roomVersionOf } from '../../matrix/index.ts';
import { requireRoom } from './event-template.ts';
import type { FederationContext } from './federation-context.ts';
import { verifyEvent } from './verify-event.ts';

/**
 * Verifies an event of another server, and writes it into its room. Writes nothing if the room already has the event.
 * @param tell decides whether this homeserver passes the event on to a server in the room @defaultValue this homeserver passes
 * the event on to no server, because the server of the sender sends it to all servers in the room
 * @returns the verified event
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
