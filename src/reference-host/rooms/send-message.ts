import { type EventId, MatrixError, type RoomId } from '../../index.ts';
import type { HostContext } from '../host-context.ts';
import { requireNotSuspended } from '../require-not-suspended.ts';
import type { Device } from '../storage/devices.ts';
import { sendEvent } from './send-event.ts';

interface Message {
  readonly roomId: RoomId;
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** If a device sends a second request with the same id for the same room and type, the homeserver sends no second event. */
  readonly transactionId: string;
}

/** Types of events that clients must send with other routes. */
const NO_MESSAGES: readonly string[] = [
  'm.room.create',
  'm.room.member',
  'm.room.power_levels',
  'm.room.redaction',
  'm.room.third_party_invite',
];

/**
 * Sends a message event. Source: Client-Server API, "Sending events to a room".
 * @throws MatrixError `M_FORBIDDEN`, `M_USER_SUSPENDED`, `M_LIMIT_EXCEEDED`, `M_BAD_JSON` or `M_TOO_LARGE`; `M_INVALID_PARAM`
 * if clients must send events of this type with another route
 */
export async function sendMessage(context: HostContext, device: Device, message: Message): Promise<EventId> {
  if (NO_MESSAGES.includes(message.type)) {
    throw new MatrixError('M_INVALID_PARAM', `${message.type} can't be sent as a message`);
  }
  await requireNotSuspended(context, device.userId);
  await context.limitMessages(device.userId);
  return sendEvent(context, device, message);
}
