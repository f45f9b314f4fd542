import type { Knex } from 'knex';
import { type UserId, userIdOf } from '../../ids.ts';
import { rowsOf } from '../database.ts';
import { addCounts, type Deletion, deleteRows, type Position } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/** Removes the room from the JSON of account data. Returns the new JSON, or `undefined` if the JSON does not name the room. */
export type ForgetRoom = (type: string, json: string) => string | undefined;

interface AccountDataRow {
  localpart: string;
  server_name: string;
  room_id: string | null;
  type: string;
  content: string;
}

/**
 * Processes the account data of the next users: at least `limit` rows if there are that many, and all rows of the last user.
 * Deletes the rows that belong to the room. Removes the room from the content of other rows. A changed row gets a new stream
 * id, so that `/sync` sends it to the user's clients. `deleted` in the result counts both deleted and changed rows, and
 * `changedUsers` lists the users of the changed rows.
 * @param options `needle` is a text that every content with the room's id contains. The function calls `forgetRoom()` only for
 * rows that contain this text.
 */
export async function purgeAccountData(
  transaction: Knex.Transaction,
  { roomId }: RoomKeys,
  [afterLocalpart = '', afterServerName = '']: Position,
  { limit, needle, forgetRoom }: { readonly limit: number; readonly needle: string; readonly forgetRoom: ForgetRoom },
): Promise<Deletion & { readonly changedUsers: readonly UserId[] }> {
  const [last] = await rowsOf<{ localpart: string; server_name: string }>(
    transaction.raw(
      `SELECT localpart, server_name FROM public.userapi_account_datas WHERE (localpart, server_name) > (?, ?)
       ORDER BY localpart, server_name OFFSET ? LIMIT 1`,
      [afterLocalpart, afterServerName, limit - 1],
    ),
  );
  const upTo = last === undefined ? '' : 'AND (localpart, server_name) <= (:lastLocalpart, :lastServerName)';
  const inRange = `(localpart, server_name) > (:afterLocalpart, :afterServerName) ${upTo}`;
  const range = {
    afterLocalpart,
    afterServerName,
    ...(last && { lastLocalpart: last.localpart, lastServerName: last.server_name }),
  };
  const deleted = await deleteRows(transaction, 'public.userapi_account_datas', `${inRange} AND room_id = :roomId`, {
    ...range,
    roomId,
  });
  const rows = await rowsOf<AccountDataRow>(
    transaction.raw(
      `SELECT localpart, server_name, room_id, type, content FROM public.userapi_account_datas
       WHERE ${inRange} AND strpos(content, :needle) > 0 ORDER BY localpart, server_name FOR UPDATE`,
      { ...range, needle },
    ),
  );
  const changed: AccountDataRow[] = [];
  for (const row of rows) {
    const content = forgetRoom(row.type, row.content);
    if (content === undefined) continue;
    await replaceAccountData(transaction, { ...row, content });
    changed.push(row);
  }
  return {
    deleted: addCounts(deleted, { userapi_account_datas: changed.length }),
    next: last && [last.localpart, last.server_name],
    changedUsers: [...new Set(changed.map((row) => userIdOf(row.localpart, row.server_name)))],
  };
}

async function replaceAccountData(transaction: Knex.Transaction, row: AccountDataRow): Promise<void> {
  const { localpart, server_name: serverName, room_id: roomId, type, content } = row;
  await transaction.raw(
    `UPDATE public.userapi_account_datas SET content = ?
     WHERE localpart = ? AND server_name = ? AND room_id IS NOT DISTINCT FROM ? AND type = ?`,
    [content, localpart, serverName, roomId, type],
  );
  await transaction.raw(
    `INSERT INTO public.syncapi_account_data_type (user_id, room_id, type) VALUES (?, ?, ?)
     ON CONFLICT (user_id, room_id, type) DO UPDATE SET id = nextval('public.syncapi_stream_id')`,
    [userIdOf(localpart, serverName), roomId ?? '', type],
  );
}
