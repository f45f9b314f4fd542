import { randomBytes } from 'node:crypto';
import type { Knex } from 'knex';
import type { ServerName, UserId } from '../../index.ts';
import { userIdOf } from '../../matrix/index.ts';
import type { HostContext } from '../host-context.ts';

/** A device that is logged in. */
export interface Device {
  readonly userId: UserId;
  readonly deviceId: string;
  /**
   * Dendrite's number of the login. A client that repeats a request uses the same transaction id again. The session id and the
   * transaction id together identify such a request.
   */
  readonly sessionId: number;
}

interface NewDevice {
  readonly localpart: string;
  readonly serverName: ServerName;
  readonly deviceId: string;
  readonly displayName: string | null;
  readonly address: string;
  readonly userAgent: string;
}

/**
 * Finds the device to which an access token belongs. Returns `undefined` if no device has the token, or if its account is
 * missing or deactivated.
 */
export async function findDevice(db: Knex, token: string, serverName: ServerName): Promise<Device | undefined> {
  const row = await db('public.userapi_devices AS d')
    .join('public.userapi_accounts AS a', { 'a.localpart': 'd.localpart', 'a.server_name': 'd.server_name' })
    .where({ 'd.access_token': token, 'd.server_name': serverName })
    .whereRaw('a.is_deactivated IS NOT TRUE')
    .first('d.localpart', 'd.device_id', 'd.session_id');
  if (row === undefined) return undefined;
  return { userId: userIdOf(row.localpart, serverName), deviceId: row.device_id, sessionId: Number(row.session_id) };
}

/**
 * Creates a device. The new device replaces a device of the user with the same id. This function first locks the account, so
 * that no concurrent call creates the same device or deactivates the account.
 * @returns the device's access token; `undefined` if the account is missing or deactivated
 */
export async function createDevice(
  { db, admin }: Pick<HostContext, 'admin' | 'db'>,
  device: NewDevice,
): Promise<string | undefined> {
  const { localpart, serverName, deviceId, displayName, address, userAgent } = device;
  const token = randomBytes(32).toString('base64url');
  const now = Date.now();
  return db.transaction(async (transaction) => {
    const account = await transaction('public.userapi_accounts')
      .where({ localpart, server_name: serverName })
      .whereRaw('is_deactivated IS NOT TRUE')
      .forUpdate()
      .first('localpart');
    if (account === undefined) return undefined;
    await transaction('public.userapi_devices')
      .where({ localpart, server_name: serverName, device_id: deviceId })
      .delete();
    await transaction('public.userapi_devices').insert({
      access_token: token,
      device_id: deviceId,
      localpart,
      server_name: serverName,
      created_ts: now,
      display_name: displayName,
      last_seen_ts: now,
      ip: address,
      user_agent: userAgent,
    });
    await admin.accounts.changed(userIdOf(localpart, serverName), { transaction });
    return token;
  });
}
