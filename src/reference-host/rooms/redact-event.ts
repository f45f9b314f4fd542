import { MatrixError } from '../../errors.ts';
import type { EventId, RoomId } from '../../ids.ts';
import { powerLevelOf, requiredLevel } from '../../matrix/power-levels.ts';
import { roomVersionOf } from '../../matrix/room-version.ts';
import { findEvent } from '../../storage/roomserver/events.ts';
import { accountSuspended } from '../account-suspended.ts';
import type { HostContext } from '../host-context.ts';
import type { Device } from '../storage/devices.ts';
import { sendEvent } from './send-event.ts';

interface Redaction {
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly reason: string | undefined;
  /** The same one again, from the same device and for the same event, redacts nothing. */
  readonly transactionId: string;
}

/**
 * Redacts an event of one's own, or anybody's with the power level. Client-Server API, "Redactions".
 * @throws MatrixError `M_FORBIDDEN`, `M_NOT_FOUND`, `M_USER_SUSPENDED`
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
    // Room version 11 moved `redacts` into the content; as Dendrite, both places have it in all versions.
    content: { ...(reason !== undefined && { reason }), redacts: eventId },
    redacts: eventId,
    transactionId,
    isSame: ({ event }) => event.redacts === eventId,
    check: async ({ room, power }, transaction) => {
      const target = await findEvent(transaction, room.roomNid, eventId);
      if (target === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such event in this room');
      const version = roomVersionOf(room.version);
      const isOwn = target.event.sender === device.userId;
      if (!isOwn && suspended) throw accountSuspended();
      if (!isOwn && powerLevelOf(power, version, device.userId) < requiredLevel(power, version, 'redact')) {
        throw new MatrixError('M_FORBIDDEN', 'Your power level is too low to redact events of others');
      }
    },
  });
}
