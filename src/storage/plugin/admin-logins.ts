import type { Knex } from 'knex';
import type { UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** A new login of an administrator as another user. */
interface NewAdminLogin {
  /** The user as whom the administrator logs in. */
  readonly userId: UserId;
  /** The device that the login has created. */
  readonly deviceId: string;
  /**
   * `userapi_devices.session_id` of this device. If the user later creates a device with the same device id, that device has
   * another session id.
   */
  readonly sessionId: number;
  /** The user id of the administrator, or `system:` and the name of the homeserver's code that has called the operation. */
  readonly admin: string;
  /**
   * The device of the access token with which the administrator has called the operation. When this device is logged out, the
   * login ends. `undefined` if the call had no access token.
   */
  readonly adminDevice: { readonly deviceId: string; readonly sessionId: number } | undefined;
  /** When the login ends at the latest, in ms since the epoch. `undefined` if no such time is set. */
  readonly validUntil: number | undefined;
}

/** Stores a login of an administrator as another user. */
export async function insertAdminLogin(transaction: Knex.Transaction, login: NewAdminLogin): Promise<void> {
  await transaction.raw(
    `INSERT INTO matrix_admin.admin_logins
       (user_id, device_id, session_id, admin, admin_device_id, admin_session_id, valid_until)
     VALUES (:userId, :deviceId, :sessionId, :admin, :adminDeviceId, :adminSessionId,
       to_timestamp(CAST(:validUntil AS double precision) / 1000))`,
    {
      userId: login.userId,
      deviceId: login.deviceId,
      sessionId: login.sessionId,
      admin: login.admin,
      adminDeviceId: login.adminDevice?.deviceId ?? null,
      adminSessionId: login.adminDevice?.sessionId ?? null,
      validUntil: login.validUntil ?? null,
    },
  );
}

/** SQL condition: the device `d` was not created by an administrator who logged in as its user. */
export const IS_OWN_DEVICE = `NOT EXISTS (SELECT FROM matrix_admin.admin_logins l
  WHERE l.user_id = '@' || d.localpart || ':' || d.server_name AND l.device_id = d.device_id AND l.session_id = d.session_id)`;

/** Returns an SQL condition: the localpart and the server name of the row `d` are those of a user id. */
const isOf = (userId: string): string => `d.localpart = substr(split_part(${userId}, ':', 1), 2)
  AND d.server_name = substr(${userId}, strpos(${userId}, ':') + 1)`;

/** SQL condition: the device of the login `l` still exists. */
const HAS_DEVICE = `EXISTS (SELECT FROM public.userapi_devices d
  WHERE ${isOf('l.user_id')} AND d.device_id = l.device_id AND d.session_id = l.session_id)`;

/**
 * SQL condition: the login `l` has ended. A login ends when `valid_until` has passed, when the device of the login is logged
 * out, or when the user becomes an administrator. If `admin_session_id` is not NULL, the login also ends when the
 * administrator's own device is logged out, or when the administrator is demoted or deactivated.
 */
export const HAS_ENDED = `(coalesce(l.valid_until <= clock_timestamp(), false) OR NOT ${HAS_DEVICE}
  OR (l.admin_session_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM public.userapi_devices d JOIN public.userapi_accounts a
      ON a.localpart IN (d.localpart, lower(d.localpart)) AND a.server_name = d.server_name
    WHERE ${isOf('l.admin')} AND d.device_id = l.admin_device_id AND d.session_id = l.admin_session_id
      AND a.account_type = 3 AND a.is_deactivated IS NOT TRUE))
  OR EXISTS (SELECT FROM public.userapi_accounts d WHERE ${isOf('l.user_id')} AND d.account_type = 3))`;

/** Lists the logins that have ended, and whose rows have not been deleted yet. */
export async function listEndedAdminLogins(
  db: Db,
): Promise<readonly { readonly userId: UserId; readonly deviceId: string }[]> {
  return rowsOf(
    db.raw(
      `SELECT l.user_id AS "userId", l.device_id AS "deviceId" FROM matrix_admin.admin_logins l WHERE ${HAS_ENDED}
       ORDER BY l.user_id, l.device_id`,
    ),
  );
}

/**
 * Deletes the row of a login that has ended.
 * @returns whether the device of the login still exists; `undefined` if the login has not ended, or has no row, for example
 * because another process has already deleted the row
 */
export async function deleteEndedAdminLogin(
  transaction: Knex.Transaction,
  userId: UserId,
  deviceId: string,
): Promise<{ readonly hasDevice: boolean } | undefined> {
  const [row] = await rowsOf<{ hasDevice: boolean }>(
    transaction.raw(
      `DELETE FROM matrix_admin.admin_logins l WHERE user_id = ? AND device_id = ? AND ${HAS_ENDED}
       RETURNING ${HAS_DEVICE} AS "hasDevice"`,
      [userId, deviceId],
    ),
  );
  return row;
}
