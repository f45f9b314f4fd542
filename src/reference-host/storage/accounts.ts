import type { Knex } from 'knex';
import type { ServerName } from '../../index.ts';

export interface Account {
  readonly localpart: string;
  readonly passwordHash: string;
}

/**
 * Finds an account that is not deactivated. Prefers the account with the lower-case localpart to an account with the given
 * spelling. Returns `undefined` if there is no account, or if the account has no password.
 */
export async function findAccount(db: Knex, localpart: string, serverName: ServerName): Promise<Account | undefined> {
  const lower = localpart.toLowerCase();
  const rows: { localpart: string; password_hash: string | null }[] = await db('public.userapi_accounts')
    .where('server_name', serverName)
    .whereIn('localpart', [lower, localpart])
    .whereRaw('is_deactivated IS NOT TRUE')
    .select('localpart', 'password_hash');
  const row = rows.find((candidate) => candidate.localpart === lower) ?? rows[0];
  return row?.password_hash ? { localpart: row.localpart, passwordHash: row.password_hash } : undefined;
}

/**
 * Returns the localpart of the oldest account that has the given type and is not deactivated. `accountType` is the number that
 * Dendrite stores.
 */
export async function findFirstAccount(
  db: Knex,
  serverName: ServerName,
  accountType: number,
): Promise<string | undefined> {
  const row = await db('public.userapi_accounts')
    .where({ server_name: serverName, account_type: accountType })
    .whereRaw('is_deactivated IS NOT TRUE')
    .orderBy('created_ts')
    .first('localpart');
  return row?.localpart;
}
