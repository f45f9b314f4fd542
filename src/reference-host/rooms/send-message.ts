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

/** Types of events that clients may not send with the route for messages. */
const NO_MESSAGES: readonly string[] = [
  'm.room.create',
  'm.room.member',
  'm.room.power_levels',
  'm.room.redaction',
  'm.room.third_party_invite',
];

/**
 * Sends a message event, and returns the event's id. If the user is shadow-banned, sends nothing and returns an invented id.
 * Source: Client-Server API, "Sending events to a room".
 * @throws MatrixError `M_INVALID_PARAM` if clients may not send events of this type as messages; `M_USER_SUSPENDED` if the user
 * is suspended; `M_LIMIT_EXCEEDED` if the user has sent too many messages; `M_FORBIDDEN` if the user is not in the room;
 * `M_FORBIDDEN`, `M_BAD_JSON` or `M_TOO_LARGE` if the room refuses the event
 */
export async function sendMessage(context: HostContext, device: Device, message: Message): Promise<EventId> {
  if (NO_MESSAGES.includes(message.type)) {
    throw new MatrixError('M_INVALID_PARAM', `${message.type} can't be sent as a message`);
  }
  await requireNotSuspended(context, device.userId);
  await context.limitMessages(device.userId);
  return sendEvent(context, device, message);
}
