import type { Knex } from 'knex';
import { rowsOf } from '../database.ts';
import { countsOf, type Deletion, type Position } from '../deletion.ts';
import type { RoomKeys } from '../room-tables.ts';

/**
 * Deletes the room's keys from the key backups of the next `limit` users. The table's index begins with the user id, so the
 * query looks up one user id after another. Increases the `etag` of each changed backup, as Dendrite does, so that clients
 * notice the change. An `etag` that is not a number stays unchanged.
 */
export async function deleteKeyBackups(
  transaction: Knex.Transaction,
  { roomId }: RoomKeys,
  [after = '']: Position,
  limit: number,
): Promise<Deletion> {
  const users = await rowsOf<{ user_id: string }>(
    transaction.raw(
      `WITH RECURSIVE users AS (
         (SELECT user_id FROM public.userapi_key_backups WHERE user_id > :after ORDER BY user_id LIMIT 1)
         UNION ALL
         SELECT (SELECT k.user_id FROM public.userapi_key_backups k WHERE k.user_id > users.user_id
                 ORDER BY k.user_id LIMIT 1)
         FROM users WHERE users.user_id IS NOT NULL)
       SELECT user_id FROM users WHERE user_id IS NOT NULL LIMIT :limit`,
      { after, limit },
    ),
  );
  const userIds = users.map((row) => row.user_id);
  const deleted = await countsOf(
    transaction.raw(
      `WITH keys AS (
         DELETE FROM public.userapi_key_backups WHERE user_id = ANY(:userIds) AND room_id = :roomId
         RETURNING user_id, version),
       versions AS (
         UPDATE public.userapi_key_backup_versions v SET etag = (v.etag::bigint + 1)::text
         WHERE (v.user_id, v.version::text) IN (SELECT user_id, version FROM keys) AND v.etag ~ '^\\d{1,18}$')
       SELECT (SELECT count(*) FROM keys) AS userapi_key_backups`,
      { userIds, roomId },
    ),
  );
  return { deleted, next: userIds.length < limit ? undefined : [userIds.at(-1) ?? ''] };
}
