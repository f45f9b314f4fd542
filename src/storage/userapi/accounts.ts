import { splitUserId, type UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/**
 * `account_type` of an account that is not deactivated. Dendrite looks for the lower-case localpart first, and then for
 * the spelling given.
 */
export async function findAccountType(db: Db, userId: UserId): Promise<number | undefined> {
  const { localpart, serverName } = splitUserId(userId);
  const [account] = await rowsOf<{ account_type: number }>(
    db.raw(
      `SELECT account_type FROM public.userapi_accounts
       WHERE localpart IN (:lower, :localpart) AND server_name = :serverName AND is_deactivated IS NOT TRUE
       ORDER BY (localpart = :lower) DESC LIMIT 1`,
      { lower: localpart.toLowerCase(), localpart, serverName },
    ),
  );
  return account?.account_type;
}

/** The application service that an account was registered by; `undefined` when there is no such account. */
export async function findAppserviceOf(db: Db, userId: UserId): Promise<{ appserviceId: string | null } | undefined> {
  const { localpart, serverName } = splitUserId(userId);
  const [account] = await rowsOf<{ appserviceId: string | null }>(
    db.raw(
      `SELECT appservice_id AS "appserviceId" FROM public.userapi_accounts WHERE localpart = ? AND server_name = ?`,
      [localpart.toLowerCase(), serverName],
    ),
  );
  return account;
}
