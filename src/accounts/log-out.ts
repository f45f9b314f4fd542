import type { Knex } from 'knex';
import { type ServerName, splitUserId, type UserId } from '../ids.ts';
import { listHostsSharingRooms } from '../storage/federation/joined-hosts.ts';
import { enqueueEdus, listBlacklisted } from '../storage/federation/queue.ts';
import { deleteDeviceKeys, noteKeyChange } from '../storage/keyserver/device-keys.ts';
import { deleteDevices } from '../storage/userapi/devices.ts';

const DEVICE_LIST_UPDATE = 'm.device_list_update';

export interface LoggedOut {
  readonly deviceIds: readonly string[];
  /** Servers that an update of the device list was queued for. */
  readonly destinations: readonly ServerName[];
}

/**
 * Deletes devices of a local user and everything that belongs to them, and tells all who share a room with the user, so
 * that nobody goes on encrypting for them. Server-Server API, `m.device_list_update`.
 * @param deviceIds `undefined`: all of the user's
 */
export async function logOut(
  transaction: Knex.Transaction,
  userId: UserId,
  deviceIds: readonly string[] | undefined,
  localServerNames: readonly ServerName[],
): Promise<LoggedOut> {
  const deleted = await deleteDevices(transaction, userId, deviceIds);
  if (deleted.length === 0) return { deviceIds: [], destinations: [] };
  const streamId = await deleteDeviceKeys(transaction, userId, deleted);
  await noteKeyChange(transaction, userId);
  const sharing = (await listHostsSharingRooms(transaction, userId)).filter((name) => !localServerNames.includes(name));
  const blacklisted = await listBlacklisted(transaction, sharing);
  const destinations = sharing.filter((name) => !blacklisted.includes(name));
  const updates = deleted.map((deviceId, i) =>
    JSON.stringify({
      type: DEVICE_LIST_UPDATE,
      origin: splitUserId(userId).serverName,
      content: {
        user_id: userId,
        device_id: deviceId,
        stream_id: streamId + i + 1,
        prev_id: streamId + i > 0 ? [streamId + i] : [],
        deleted: true,
      },
    }),
  );
  await enqueueEdus(transaction, DEVICE_LIST_UPDATE, updates, destinations);
  return { deviceIds: deleted, destinations };
}
