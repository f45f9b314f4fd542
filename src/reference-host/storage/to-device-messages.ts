import type { Knex } from 'knex';
import type { UserId } from '../../index.ts';
import { splitUserId, toJson } from '../../matrix/index.ts';

/** A message to one device or to all devices of a local user. */
export interface ToDeviceMessage {
  readonly userId: UserId;
  /** The id of the device, or `*` for all devices. */
  readonly deviceId: string;
  /** The sender, the type and the content of the message. */
  readonly message: Readonly<Record<string, unknown>>;
}

/**
 * Stores one copy of a message for each device that should get it. Stores nothing for devices that do not exist. A copy stays
 * until the device has received it with `/sync`.
 */
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
