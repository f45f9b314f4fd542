import { type UserId, userIdOf } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** The user of an access token, and its account's type. */
export interface TokenOwner {
  readonly userId: UserId;
  readonly deviceId: string;
  readonly accountType: number;
}

/**
 * Who an access token belongs to; `undefined` for a token that is nobody's, or whose account is gone or deactivated.
 * One query, since every request begins with it.
 */
export async function findTokenOwner(db: Db, accessToken: string): Promise<TokenOwner | undefined> {
  const [row] = await rowsOf<{ localpart: string; server_name: string; device_id: string; account_type: number }>(
    db.raw(
      `SELECT d.localpart, d.server_name, d.device_id, a.account_type
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
      accountType: row.account_type,
    }
  );
}
