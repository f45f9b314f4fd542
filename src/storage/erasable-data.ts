import type { Knex } from 'knex';
import { splitUserId, type UserId } from '../ids.ts';
import { type Db, rowsOf } from './database.ts';
import { deleteRows } from './deletion.ts';

/** A kind of data that an erasure of a user can delete. */
export type ErasableData = 'account_data' | 'key_backups' | 'reports';

const OF_ACCOUNT = 'localpart = :localpart AND server_name = :serverName';
const NID = '(SELECT event_state_key_nid FROM public.roomserver_event_state_keys WHERE event_state_key = :userId)';

/**
 * The tables of each kind, and the SQL condition for the rows of a user. `deleteErasable()` deletes from all tables of a kind.
 * `countErasable()` counts the rows of both tables of `reports`, but only those of the first table of the other kinds.
 */
const TABLES: Readonly<Record<ErasableData, readonly (readonly [table: string, condition: string])[]>> = {
  account_data: [
    ['public.userapi_account_datas', OF_ACCOUNT],
    ['public.syncapi_account_data_type', 'user_id = :userId'],
  ],
  key_backups: [
    ['public.userapi_key_backups', 'user_id = :userId'],
    ['public.userapi_key_backup_versions', 'user_id = :userId'],
  ],
  reports: [
    ['public.roomserver_reported_events', `reporting_user_nid = ${NID} OR event_sender_nid = ${NID}`],
    ['matrix_admin.reports', 'reporter = :userId OR user_id = :userId'],
  ],
};

const bindingsOf = (userId: UserId): Record<string, string> => ({ userId, ...splitUserId(userId) });

/** Counts a user's rows of one kind. For each kind, the comment on `TABLES` says in which tables. */
export async function countErasable(db: Db, kind: ErasableData, userId: UserId): Promise<number> {
  const tables = kind === 'reports' ? TABLES[kind] : TABLES[kind].slice(0, 1);
  const counts = tables.map(([table, condition]) => `(SELECT count(*) FROM ${table} WHERE ${condition})`);
  const [row] = await rowsOf<{ rows: string }>(db.raw(`SELECT ${counts.join(' + ')} AS rows`, bindingsOf(userId)));
  return Number(row?.rows ?? 0);
}

/** Deletes a user's rows of one kind. @returns the number that `countErasable()` returned before the deletion */
export async function deleteErasable(
  transaction: Knex.Transaction,
  kind: ErasableData,
  userId: UserId,
): Promise<number> {
  const count = await countErasable(transaction, kind, userId);
  for (const [table, condition] of TABLES[kind]) {
    await deleteRows(transaction, table, condition, bindingsOf(userId));
  }
  return count;
}
