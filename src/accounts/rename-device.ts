import type { Knex } from 'knex';
import type { ServerName, UserId } from '../ids.ts';
import { updateKeysDisplayName } from '../storage/keyserver/device-keys.ts';
import { updateDisplayName } from '../storage/userapi/devices.ts';
import { tellDeviceList } from './tell-device-list.ts';

/**
 * Renames a device of a local user. If the device has keys, users who share a room with the user get an update of the device
 * list.
 * @returns the servers for which an update of the device list was queued; `undefined` if the device does not exist
 */
export async function renameDevice(
  transaction: Knex.Transaction,
  userId: UserId,
  { deviceId, displayName }: { readonly deviceId: string; readonly displayName: string },
  localServerNames: readonly ServerName[],
): Promise<ServerName[] | undefined> {
  if (!(await updateDisplayName(transaction, userId, deviceId, displayName))) return undefined;
  const changed = await updateKeysDisplayName(transaction, userId, deviceId, displayName);
  if (changed === undefined) return [];
  const keys: unknown = JSON.parse(changed.keyJson);
  const update = { device_id: deviceId, device_display_name: displayName, keys };
  return tellDeviceList(transaction, userId, [update], changed.streamId, localServerNames);
}
