import type { Knex } from 'knex';
import { splitUserId, type UserId, userIdOf } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** A third-party identifier of a user: an e-mail address or a telephone number. */
export interface Threepid {
  readonly medium: string;
  readonly address: string;
}

/** Lists a user's third-party identifiers in the order of medium and address. */
export async function listThreepids(db: Db, userId: UserId): Promise<Threepid[]> {
  const { localpart, serverName } = splitUserId(userId);
  return rowsOf<Threepid>(
    db.raw(
      `SELECT medium, threepid AS address FROM public.userapi_threepids WHERE localpart = ? AND server_name = ?
       ORDER BY medium, threepid`,
      [localpart, serverName],
    ),
  );
}

/**
 * Finds the user who has a third-party identifier. An e-mail address matches in the given spelling or else in lower case.
 * Returns `undefined` if no user has the identifier.
 */
export async function findThreepidOwner(db: Db, { medium, address }: Threepid): Promise<UserId | undefined> {
  const lower = medium === 'email' ? address.toLowerCase() : address;
  const [row] = await rowsOf<{ localpart: string; server_name: string }>(
    db.raw(
      `SELECT localpart, server_name FROM public.userapi_threepids WHERE medium = :medium AND threepid IN (:address, :lower)
       ORDER BY (threepid = :address) DESC LIMIT 1`,
      { medium, address, lower },
    ),
  );
  return row && userIdOf(row.localpart, row.server_name);
}

/** Replaces the third-party identifiers of a user. If another user has one of the new identifiers, that user loses it. */
export async function replaceThreepids(
  transaction: Knex.Transaction,
  userId: UserId,
  threepids: readonly Threepid[],
): Promise<void> {
  const { localpart, serverName } = splitUserId(userId);
  const bindings = {
    localpart,
    serverName,
    addresses: threepids.map(({ address }) => address),
    media: threepids.map(({ medium }) => medium),
  };
  // This statement locks all rows of the user and of the new identifiers, in one order. Otherwise two concurrent calls that
  // move the same identifiers in opposite directions could deadlock.
  await transaction.raw(
    `SELECT FROM public.userapi_threepids WHERE (localpart = :localpart AND server_name = :serverName)
       OR (threepid, medium) IN (SELECT * FROM unnest(CAST(:addresses AS text[]), CAST(:media AS text[])))
     ORDER BY threepid, medium FOR UPDATE`,
    bindings,
  );
  await transaction.raw(
    'DELETE FROM public.userapi_threepids WHERE localpart = :localpart AND server_name = :serverName',
    bindings,
  );
  await transaction.raw(
    `INSERT INTO public.userapi_threepids (threepid, medium, localpart, server_name)
     SELECT DISTINCT address, medium, :localpart, :serverName
     FROM unnest(CAST(:addresses AS text[]), CAST(:media AS text[])) AS given (address, medium) ORDER BY 1, 2
     ON CONFLICT (threepid, medium) DO UPDATE SET localpart = excluded.localpart, server_name = excluded.server_name`,
    bindings,
  );
}
