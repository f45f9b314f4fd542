import type { Knex } from 'knex';
import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import { IS_OWN_DEVICE } from '../plugin/admin-logins.ts';
import { summariseUser } from '../plugin/user-summaries.ts';

/** The user to whom an access token belongs, the device of the token, and the type of the user's account. */
export interface TokenOwner {
  readonly userId: UserId;
  readonly deviceId: string;
  /** `userapi_devices.session_id`. Each login has a session id of its own. */
  readonly sessionId: number;
  readonly accountType: number;
}

/**
 * Finds the owner of an access token. Returns `undefined` if the token is unknown, or if the owner's account is missing or
 * deactivated. The plugin calls this function for every request with an access token, so the function runs only one query.
 */
export async function findTokenOwner(db: Db, accessToken: string): Promise<TokenOwner | undefined> {
  const [row] = await rowsOf<{
    localpart: string;
    server_name: string;
    device_id: string;
    session_id: string;
    account_type: number;
  }>(
    db.raw(
      `SELECT d.localpart, d.server_name, d.device_id, d.session_id, a.account_type
       FROM public.userapi_devices d JOIN public.userapi_accounts a
         ON a.server_name = d.server_name AND a.localpart IN (lower(d.localpart), d.localpart)
       WHERE d.access_token = ? AND a.is_deactivated IS NOT TRUE
       ORDER BY (a.localpart = lower(d.localpart)) DESC LIMIT 1`,
      [accessToken],
    ),
  );
  return (
    row && {
      userId: userIdOf(row.localpart, row.server_name),
      deviceId: row.device_id,
      sessionId: Number(row.session_id),
      accountType: row.account_type,
    }
  );
}

/** A new device. */
export interface NewDevice {
  readonly userId: UserId;
  readonly deviceId: string;
  readonly accessToken: string;
  readonly displayName: string | null;
  /** Also counts as the time when the device was last seen. In ms since the epoch. */
  readonly createdAt: number;
  readonly address: string;
  readonly userAgent: string;
}

/**
 * Stores a new device. If the user already has a device with the same id, deletes that device first.
 * @returns the session id of the new device
 */
export async function insertDevice(transaction: Knex.Transaction, device: NewDevice): Promise<number> {
  const { localpart, serverName } = splitUserId(device.userId);
  await transaction.raw(
    'DELETE FROM public.userapi_devices WHERE localpart = ? AND server_name = ? AND device_id = ?',
    [localpart, serverName, device.deviceId],
  );
  const [row] = await rowsOf<{ session_id: string }>(
    transaction.raw(
      `INSERT INTO public.userapi_devices
         (access_token, device_id, localpart, server_name, created_ts, display_name, last_seen_ts, ip, user_agent)
       VALUES (:accessToken, :deviceId, :localpart, :serverName, :createdAt, :displayName, :createdAt, :address, :userAgent)
       RETURNING session_id`,
      { ...device, localpart, serverName },
    ),
  );
  await summariseUser(transaction, device.userId);
  return Number(row?.session_id);
}

/** Tells whether a user has a device with this id. Devices that administrators created by logging in as the user count too. */
export async function hasDevice(db: Db, userId: UserId, deviceId: string): Promise<boolean> {
  const { localpart, serverName } = splitUserId(userId);
  const rows = await rowsOf(
    db.raw('SELECT FROM public.userapi_devices WHERE localpart = ? AND server_name = ? AND device_id = ?', [
      localpart,
      serverName,
      deviceId,
    ]),
  );
  return rows.length > 0;
}

/**
 * Deletes devices with their access tokens, pushers and pending to-device messages, but not their encryption keys.
 * @param deviceIds ids of the devices to delete. `undefined` deletes all devices, pushers and pending to-device messages of the
 * user, and also the user's login tokens and OpenID tokens.
 * @returns the ids of the deleted devices
 */
export async function removeDevices(
  transaction: Knex.Transaction,
  userId: UserId,
  deviceIds: readonly string[] | undefined,
): Promise<string[]> {
  const { localpart, serverName } = splitUserId(userId);
  const owner = { localpart, serverName };
  const deleted = await rowsOf<{ device_id: string; session_id: string }>(
    transaction.raw(
      `DELETE FROM public.userapi_devices WHERE localpart = :localpart AND server_name = :serverName
         AND (CAST(:all AS boolean) OR device_id = ANY(:deviceIds)) RETURNING device_id, session_id`,
      { ...owner, all: deviceIds === undefined, deviceIds: [...(deviceIds ?? [])] },
    ),
  );
  const ids = deleted.map(({ device_id }) => device_id);
  await transaction.raw(
    `DELETE FROM public.userapi_pushers WHERE localpart = :localpart AND server_name = :serverName
       AND (CAST(:all AS boolean) OR session_id = ANY(CAST(:sessions AS bigint[])))`,
    { ...owner, all: deviceIds === undefined, sessions: deleted.map(({ session_id }) => session_id) },
  );
  await transaction.raw(
    'DELETE FROM public.syncapi_send_to_device WHERE user_id = ? AND (?::boolean OR device_id = ANY(?))',
    [userId, deviceIds === undefined, ids],
  );
  if (deviceIds === undefined) {
    await transaction.raw('DELETE FROM public.userapi_login_tokens WHERE user_id = ?', [userId]);
    await transaction.raw(
      'DELETE FROM public.userapi_openid_tokens WHERE localpart = :localpart AND server_name = :serverName',
      owner,
    );
  }
  await summariseUser(transaction, userId);
  return ids;
}

/** A device, and the time and IP address of its last request. */
export interface Device {
  readonly deviceId: string;
  readonly displayName: string | undefined;
  /** The last IP address of the device, as the database stores it. Empty if the address is unknown. */
  readonly address: string;
  readonly userAgent: string;
  /** Time of the last request from the device, in ms since the epoch. */
  readonly lastSeenAt: number;
}

interface DeviceRow {
  readonly device_id: string;
  readonly display_name: string | null;
  readonly ip: string | null;
  readonly user_agent: string | null;
  readonly last_seen_ts: string;
}

const deviceOf = (row: DeviceRow): Device => ({
  deviceId: row.device_id,
  displayName: row.display_name ?? undefined,
  address: row.ip ?? '',
  userAgent: row.user_agent ?? '',
  lastSeenAt: Number(row.last_seen_ts),
});

/**
 * Lists a user's devices in the order of their ids. Leaves out devices that administrators created by logging in as the user.
 */
export async function readDevices(db: Db, userId: UserId): Promise<Device[]> {
  const { localpart, serverName } = splitUserId(userId);
  const rows = await rowsOf<DeviceRow>(
    db.raw(
      `SELECT device_id, display_name, ip, user_agent, last_seen_ts FROM public.userapi_devices d
       WHERE localpart = ? AND server_name = ? AND ${IS_OWN_DEVICE} ORDER BY device_id`,
      [localpart, serverName],
    ),
  );
  return rows.map(deviceOf);
}

/**
 * Finds a device of a user. Returns `undefined` if the device does not exist, or if an administrator created it by logging in
 * as the user.
 */
export async function findDevice(db: Db, userId: UserId, deviceId: string): Promise<Device | undefined> {
  const { localpart, serverName } = splitUserId(userId);
  const [row] = await rowsOf<DeviceRow>(
    db.raw(
      `SELECT device_id, display_name, ip, user_agent, last_seen_ts FROM public.userapi_devices d
       WHERE localpart = ? AND server_name = ? AND device_id = ? AND ${IS_OWN_DEVICE}`,
      [localpart, serverName, deviceId],
    ),
  );
  return row && deviceOf(row);
}

/**
 * Sets the display name of a device. Does nothing if an administrator created the device by logging in as the user.
 * @returns whether the display name was set
 */
export async function updateDisplayName(
  transaction: Knex.Transaction,
  userId: UserId,
  deviceId: string,
  displayName: string,
): Promise<boolean> {
  const { localpart, serverName } = splitUserId(userId);
  const rows = await rowsOf<{ device_id: string }>(
    transaction.raw(
      `UPDATE public.userapi_devices d SET display_name = ?
       WHERE localpart = ? AND server_name = ? AND device_id = ? AND ${IS_OWN_DEVICE} RETURNING device_id`,
      [displayName, localpart, serverName, deviceId],
    ),
  );
  return rows.length > 0;
}
