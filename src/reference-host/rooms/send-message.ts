import { MatrixError } from '../../errors.ts';
import type { EventId, RoomId } from '../../ids.ts';
import { accountSuspended } from '../account-suspended.ts';
import type { HostContext } from '../host-context.ts';
import type { Device } from '../storage/devices.ts';
import { sendEvent } from './send-event.ts';

interface Message {
  readonly roomId: RoomId;
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** A second request with the same id, device, room and type sends nothing. */
  readonly transactionId: string;
}

/** Event types that the authorisation rules read. They have their own routes. */
const NO_MESSAGES: readonly string[] = [
  'm.room.create',
  'm.room.member',
  'm.room.power_levels',
  'm.room.redaction',
  'm.room.third_party_invite',
];

/**
 * Sends a message event. Client-Server API, "Sending events to a room".
 * @throws MatrixError `M_FORBIDDEN`, `M_USER_SUSPENDED`, `M_BAD_JSON`, `M_TOO_LARGE`, `M_INVALID_PARAM` for a type that is
 * not a message type
 */
export async function sendMessage(context: HostContext, device: Device, message: Message): Promise<EventId> {
  if (NO_MESSAGES.includes(message.type)) {
    throw new MatrixError('M_INVALID_PARAM', `${message.type} can't be sent as a message`);
  }
  if ((await context.admin.accounts.check(device.userId)).suspended) throw accountSuspended();
  return sendEvent(context, device, message);
}
