import { MatrixError } from '../../errors.ts';
import type { EventId, RoomId } from '../../ids.ts';
import { powerLevelOf, requiredLevel } from '../../matrix/power-levels.ts';
import type { HostContext } from '../host-context.ts';
import type { Device } from '../storage/devices.ts';
import { applyRedaction } from '../storage/redactions.ts';
import { findSentEvent } from '../storage/room-events.ts';
import { readEvent } from '../storage/rooms.ts';
import { appendEvent, takeTurn } from './append-event.ts';

interface Redaction {
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly reason: string | undefined;
  /** The same one again, from the same device and for the same event, redacts nothing. */
  readonly transactionId: string;
}

const TYPE = 'm.room.redaction';

/**
 * Redacts an event of one's own, or anybody's with the power level. Client-Server API, "Redactions".
 * @throws MatrixError `M_FORBIDDEN`, `M_NOT_FOUND`
 */
export async function redactEvent(
  { db, signingKey, admin }: HostContext,
  device: Device,
  { roomId, eventId, reason, transactionId }: Redaction,
): Promise<EventId> {
  return db.transaction(async (transaction) => {
    const turn = await takeTurn(transaction, roomId, device);
    const { room, power } = turn;
    const sent = await findSentEvent(transaction, room, device, TYPE, transactionId);
    if (sent?.event.redacts === eventId) return sent.eventId;

    const target = await readEvent(transaction, room, eventId);
    if (target === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such event in this room');
    const isOwn = target.event.sender === device.userId;
    if (!isOwn && powerLevelOf(power, room.version, device.userId) < requiredLevel(power, room.version, 'redact')) {
      throw new MatrixError('M_FORBIDDEN', 'Your power level is too low to redact events of others');
    }
    // Room version 11 moved `redacts` into the content; as Dendrite, both places have it in all versions.
    const content = { ...(reason !== undefined && { reason }), redacts: eventId };
    const draft = { type: TYPE, content, redacts: eventId, transactionId };
    const redaction = await appendEvent(transaction, turn, draft, signingKey);
    await applyRedaction(transaction, room, target, redaction.event_id);
    await admin.search.apply([redaction], { transaction });
    return redaction.event_id;
  });
}
