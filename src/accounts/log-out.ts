import type { Knex } from 'knex';
import type { ServerName, UserId } from '../ids.ts';
import { deleteDeviceKeys } from '../storage/keyserver/device-keys.ts';
import { removeDevices } from '../storage/userapi/devices.ts';
import { tellDeviceList } from './tell-device-list.ts';

export interface LoggedOut {
  readonly deviceIds: readonly string[];
  /** The servers for which an update of the device list was queued. */
  readonly destinations: readonly ServerName[];
}

/**
 * Deletes devices of a local user, with all data of these devices. Users who share a room with the user get an update of the
 * device list, so that their clients no longer encrypt messages for these devices.
 * @param deviceIds the devices to delete. `undefined` means all devices of the user.
 */
export async function logOut(
  transaction: Knex.Transaction,
  userId: UserId,
  deviceIds: readonly string[] | undefined,
  localServerNames: readonly ServerName[],
): Promise<LoggedOut> {
  const deleted = await removeDevices(transaction, userId, deviceIds);
  if (deleted.length === 0) return { deviceIds: [], destinations: [] };
  const streamId = await deleteDeviceKeys(transaction, userId, deleted);
  const updates = deleted.map((deviceId) => ({ device_id: deviceId, deleted: true }));
  const destinations = await tellDeviceList(transaction, userId, updates, streamId + 1, localServerNames);
  return { deviceIds: deleted, destinations };
}
