import type { Knex } from 'knex';
import type { ServerName, UserId } from '../ids.ts';
import { hasDeviceKeys } from '../storage/keyserver/device-keys.ts';
import { deleteEndedAdminLogin, listEndedAdminLogins } from '../storage/plugin/admin-logins.ts';
import { transact } from '../storage/transact.ts';
import { lockAccount } from '../storage/userapi/accounts.ts';
import { removeDevices } from '../storage/userapi/devices.ts';
import { logOut } from './log-out.ts';

interface Settings {
  readonly db: Knex;
  readonly localServerNames: readonly ServerName[];
  /** Called after the removal of each login. `destinations` are the servers for which a device list update was queued. */
  readonly ended: (userId: UserId, destinations: readonly ServerName[]) => void;
}

/** Removes the records and the devices of logins that have ended. Only concerns logins of administrators as other users. */
export async function endAdminLogins({ db, localServerNames, ended }: Settings): Promise<void> {
  for (const { userId, deviceId } of await listEndedAdminLogins(db)) {
    await transact(db, async (transaction, afterCommit) => {
      await lockAccount(transaction, userId);
      const login = await deleteEndedAdminLogin(transaction, userId, deviceId);
      if (login === undefined) return;
      const destinations = login.hasDevice ? await removeDevice(transaction, userId, deviceId, localServerNames) : [];
      afterCommit(() => ended(userId, destinations));
    });
  }
}

/**
 * Deletes the device of an administrator's login. If the device has no keys, other users do not know the device, so they get no
 * update of the device list.
 */
async function removeDevice(
  transaction: Knex.Transaction,
  userId: UserId,
  deviceId: string,
  localServerNames: readonly ServerName[],
): Promise<readonly ServerName[]> {
  if (await hasDeviceKeys(transaction, userId, deviceId)) {
    return (await logOut(transaction, userId, [deviceId], localServerNames)).destinations;
  }
  await removeDevices(transaction, userId, [deviceId]);
  return [];
}
