import type { Knex } from 'knex';
import { splitUserId, type UserId } from '../../ids.ts';
import { toJson } from '../../json.ts';

/** A message to one device of a local user, or to all. */
export interface ToDeviceMessage {
  readonly userId: UserId;
  /** `*`: all devices. */
  readonly deviceId: string;
  /** Sender, type and content. */
  readonly message: Readonly<Record<string, unknown>>;
}

/** Stores a message to devices, until the devices have received it in `/sync`. */
export async function storeToDeviceMessage(
  transaction: Knex.Transaction,
  { userId, deviceId, message }: ToDeviceMessage,
): Promise<void> {
  const { localpart, serverName } = splitUserId(userId);
  await transaction.raw(
    `INSERT INTO public.syncapi_send_to_device (user_id, device_id, content)
     SELECT :userId, d.device_id, :content FROM public.userapi_devices d
     WHERE d.localpart = :localpart AND d.server_name = :serverName AND (:deviceId = '*' OR d.device_id = :deviceId)`,
    { userId, deviceId, localpart, serverName, content: toJson(message) },
  );
}
