import { splitUserId, type UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/** A third-party identifier: an e-mail address, or a telephone number. */
export interface Threepid {
  readonly medium: string;
  readonly address: string;
}

/** A user's third-party identifiers, by medium and address. */
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
