import type { Knex } from 'knex';
import type { UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** A login of an administrator as a user. */
interface NewAdminLogin {
  readonly userId: UserId;
  readonly deviceId: string;
  /** `userapi_devices.session_id` of the login's device. A later device with the same id has another one. */
  readonly sessionId: number;
  /** Who has logged in, as the audit names the actor. */
  readonly admin: string;
  /** The device of the administrator's own access token. The login ends with it. `undefined`: it ends at `validUntil` only */
  readonly adminDevice: { readonly deviceId: string; readonly sessionId: number } | undefined;
  /** In ms since the epoch. `undefined`: it ends with the administrator's device only. */
  readonly validUntil: number | undefined;
}

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

/** SQL condition: the device `d` is the user's own. Devices of administrators' logins are not. */
export const IS_OWN_DEVICE = `NOT EXISTS (SELECT FROM matrix_admin.admin_logins l
  WHERE l.user_id = '@' || d.localpart || ':' || d.server_name AND l.device_id = d.device_id AND l.session_id = d.session_id)`;

const isOf = (userId: string): string => `d.localpart = substr(split_part(${userId}, ':', 1), 2)
  AND d.server_name = substr(${userId}, strpos(${userId}, ':') + 1)`;

/** SQL condition: the device of the login `l` is still there. */
const HAS_DEVICE = `EXISTS (SELECT FROM public.userapi_devices d
  WHERE ${isOf('l.user_id')} AND d.device_id = l.device_id AND d.session_id = l.session_id)`;

/**
 * SQL condition: the login `l` has ended. That is so if its time is over, its device or the administrator's own is logged out,
 * the administrator was demoted, or the user has become an administrator.
 */
export const HAS_ENDED = `(coalesce(l.valid_until <= clock_timestamp(), false) OR NOT ${HAS_DEVICE}
  OR (l.admin_session_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM public.userapi_devices d JOIN public.userapi_accounts a
      ON a.localpart IN (d.localpart, lower(d.localpart)) AND a.server_name = d.server_name
    WHERE ${isOf('l.admin')} AND d.device_id = l.admin_device_id AND d.session_id = l.admin_session_id
      AND a.account_type = 3 AND a.is_deactivated IS NOT TRUE))
  OR EXISTS (SELECT FROM public.userapi_accounts d WHERE ${isOf('l.user_id')} AND d.account_type = 3))`;

/** Lists the logins that have ended and are not removed yet. */
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
 * Deletes a login that has ended.
 * @returns whether its device is still there; `undefined` if another process has deleted the login
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
