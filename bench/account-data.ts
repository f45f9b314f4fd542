import type { Knex } from 'knex';
import { SERVER_NAME } from './room-data.ts';

/** The access token of the administrator `@root`. */
export const ADMIN_TOKEN = 'token-of-root';

/** Returns the localpart of the n-th account, starting at 1. Localparts sort in this order. */
export const localpartOf = (n: number): string => `user${String(n).padStart(7, '0')}`;

/**
 * Creates `count` accounts, each with a profile and a device, and up to 1,000 registration tokens. One of them is an
 * administrator.
 */
export async function makeAccounts(db: Knex, count: number): Promise<void> {
  const localpart = `CASE n WHEN 0 THEN 'root' ELSE 'user' || lpad(n::text, 7, '0') END`;
  const numbers = 'generate_series(0, :last) AS n';
  const bindings = { last: count - 1, serverName: SERVER_NAME, token: ADMIN_TOKEN };
  for (const statement of [
    `INSERT INTO userapi_accounts (localpart, server_name, created_ts, password_hash, account_type, is_deactivated)
     SELECT ${localpart}, :serverName, 1700000000000 + n, '', CASE n WHEN 0 THEN 3 ELSE 1 END, false FROM ${numbers}`,
    `INSERT INTO userapi_profiles (localpart, server_name, display_name, avatar_url)
     SELECT ${localpart}, :serverName, 'User ' || n, 'mxc://localhost/' || n FROM ${numbers}`,
    `INSERT INTO userapi_devices (access_token, device_id, localpart, server_name, created_ts, display_name, last_seen_ts, ip, user_agent)
     SELECT CASE n WHEN 0 THEN :token ELSE md5(n::text) END, 'DEVICE', ${localpart}, :serverName, 1700000000000, 'Device', 1700000000000 + n,
       '192.0.2.1:1234', 'bench/1.0' FROM ${numbers}`,
    `INSERT INTO userapi_registration_tokens (token, pending, completed) SELECT 'token' || n, 0, 0 FROM ${numbers} WHERE n < 1000`,
  ]) {
    await db.raw(statement, bindings);
  }
  await db.raw('VACUUM (ANALYZE) userapi_accounts');
  await db.raw('VACUUM (ANALYZE) userapi_profiles');
  await db.raw('VACUUM (ANALYZE) userapi_devices');
}
