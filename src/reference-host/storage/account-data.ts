import type { Knex } from 'knex';
import type { UserId } from '../../index.ts';
import { isRecord, splitUserId } from '../../matrix/index.ts';

/** The key of account data. An empty `roomId` means that the data does not belong to a room. */
export interface AccountDataKey {
  readonly userId: UserId;
  readonly roomId: string;
  readonly type: string;
}

type Content = Readonly<Record<string, unknown>>;

const select = (db: Knex, { userId, roomId, type }: AccountDataKey): Knex.QueryBuilder => {
  const { localpart, serverName } = splitUserId(userId);
  return db('public.userapi_account_datas').where({ localpart, server_name: serverName, room_id: roomId, type });
};

const contentOf = (row: { readonly content: string } | undefined): Content | undefined => {
  const content: unknown = row && JSON.parse(row.content);
  return isRecord(content) ? content : undefined;
};

export async function findAccountData(db: Knex, key: AccountDataKey): Promise<Content | undefined> {
  return contentOf(await select(db, key).first('content'));
}

/**
 * Reads account data, and locks its row until the end of the transaction. Returns `undefined`, and locks nothing, if there is
 * no row.
 */
export async function lockAccountData(
  transaction: Knex.Transaction,
  key: AccountDataKey,
): Promise<Content | undefined> {
  return contentOf(await select(transaction, key).forUpdate().first('content'));
}
