import { findEvent } from '../../homeserver/index.ts';
import { type EventId, MatrixError, type RoomId } from '../../index.ts';
import { powerLevelOf, requiredLevel, roomVersionOf } from '../../matrix/index.ts';
import { accountSuspended } from '../account-suspended.ts';
import type { HostContext } from '../host-context.ts';
import type { Device } from '../storage/devices.ts';
import { sendEvent } from './send-event.ts';

interface Redaction {
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly reason: string | undefined;
  /** If a device sends a second request with the same id for the same event, the homeserver sends no second redaction. */
  readonly transactionId: string;
}

/**
 * Redacts an event, and returns the id of the redaction. Users may redact their own events, even if they are suspended. A user
 * may redact events of other users if the power level of the user allows it. If the user is shadow-banned, redacts nothing and
 * returns an invented id. Source: Client-Server API, "Redactions".
 * @throws MatrixError `M_FORBIDDEN` if the user is not in the room or may not redact the event, `M_NOT_FOUND` if the event is
 * not in the room, `M_USER_SUSPENDED` if a suspended user redacts an event of another user
 */
export async function redactEvent(
  context: HostContext,
  device: Device,
  { roomId, eventId, reason, transactionId }: Redaction,
): Promise<EventId> {
  const { suspended } = await context.admin.accounts.check(device.userId);
  return sendEvent(context, device, {
    roomId,
    type: 'm.room.redaction',
    // Room version 11 moved `redacts` into the content. As in Dendrite, the event has both fields in all versions.
    content: { ...(reason !== undefined && { reason }), redacts: eventId },
    redacts: eventId,
    transactionId,
    isSame: ({ event }) => event.redacts === eventId,
    check: async ({ room, power }, transaction) => {
      const target = await findEvent(transaction, room.roomNid, eventId);
      if (target === undefined) throw new MatrixError('M_NOT_FOUND', 'The event is not in this room');
      const version = roomVersionOf(room.version);
      const isOwn = target.event.sender === device.userId;
      if (!isOwn && suspended) throw accountSuspended();
      if (!isOwn && powerLevelOf(power, version, device.userId) < requiredLevel(power, version, 'redact')) {
        throw new MatrixError('M_FORBIDDEN', 'Your power level is too low to redact events of others');
      }
    },
  });
}
