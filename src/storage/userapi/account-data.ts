import type { Knex } from 'knex';
import { splitUserId, type UserId } from '../../ids.ts';
import { toJson } from '../../json.ts';
import { type Db, rowsOf } from '../database.ts';

/** Account data of a user. An empty `roomId` means that the data does not belong to a room. */
export interface AccountData {
  readonly userId: UserId;
  readonly roomId: string;
  readonly type: string;
  readonly content: unknown;
}

/** Stores account data of a user. The account data gets a new stream id, so that `/sync` sends it to the user's clients. */
export async function upsertAccountData(
  transaction: Knex.Transaction,
  { userId, roomId, type, content }: AccountData,
): Promise<void> {
  const { localpart, serverName } = splitUserId(userId);
  await transaction.raw(
    `INSERT INTO public.userapi_account_datas (localpart, server_name, room_id, type, content) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (localpart, server_name, room_id, type) DO UPDATE SET content = excluded.content`,
    [localpart, serverName, roomId, type, toJson(content)],
  );
  await transaction.raw(
    `INSERT INTO public.syncapi_account_data_type (user_id, room_id, type) VALUES (?, ?, ?)
     ON CONFLICT (user_id, room_id, type) DO UPDATE SET id = excluded.id`,
    [userId, roomId, type],
  );
}

/** Reads a user's account data of one type. @returns the contents by room id, without account data that belongs to no room */
export async function listRoomAccountData(db: Db, userId: UserId, type: string): Promise<Map<string, unknown>> {
  const { localpart, serverName } = splitUserId(userId);
  const rows = await rowsOf<{ room_id: string; content: string }>(
    db.raw(
      `SELECT room_id, content FROM public.userapi_account_datas
       WHERE localpart = ? AND server_name = ? AND type = ? AND room_id <> '' ORDER BY room_id`,
      [localpart, serverName, type],
    ),
  );
  return new Map(rows.map(({ room_id, content }) => [room_id, JSON.parse(content) as unknown]));
}

/** Lists all account data of a user in the order of room ids and types. */
export async function listAccountData(db: Db, userId: UserId): Promise<Omit<AccountData, 'userId'>[]> {
  const { localpart, serverName } = splitUserId(userId);
  const rows = await rowsOf<{ roomId: string; type: string; content: string }>(
    db.raw(
      `SELECT coalesce(room_id, '') AS "roomId", type, content FROM public.userapi_account_datas
       WHERE localpart = ? AND server_name = ? ORDER BY room_id, type`,
      [localpart, serverName],
    ),
  );
  return rows.map((row) => ({ ...row, content: JSON.parse(row.content) as unknown }));
}
