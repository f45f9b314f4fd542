import type { Knex } from 'knex';
import { type RoomId, splitUserId, type UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';
import type { RowCounts } from '../deletion.ts';

/**
 * Lists the users of the given servers who have, or once had, any membership in a room. The users are in the order of their
 * user ids, at most `limit` users, starting after the user id `after`.
 */
export async function listLocalMembersEver(
  db: Db,
  roomId: RoomId,
  serverNames: readonly string[],
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<UserId[]> {
  const rows = await rowsOf<{ user_id: UserId }>(
    db.raw(
      `SELECT DISTINCT user_id FROM public.syncapi_memberships
       WHERE room_id = ? AND user_id > ? AND substr(user_id, strpos(user_id, ':') + 1) = ANY(?) ORDER BY user_id LIMIT ?`,
      [roomId, after, [...serverNames], limit],
    ),
  );
  return rows.map(({ user_id }) => user_id);
}

/**
 * Deletes the given users' notifications of a room's events that are no longer in the timeline. For each user who has lost a
 * notification, counts the unread notifications of the room again and stores the counts.
 */
export async function deleteLostNotifications(
  transaction: Knex.Transaction,
  roomId: RoomId,
  userIds: readonly UserId[],
): Promise<RowCounts> {
  const names = userIds.map((userId) => splitUserId(userId));
  const deleted = await rowsOf<{ user_id: string }>(
    transaction.raw(
      `DELETE FROM public.userapi_notifications n USING unnest(?::text[], ?::text[]) AS u(localpart, server_name)
       WHERE n.localpart = u.localpart AND n.server_name = u.server_name AND n.room_id = ?
         AND NOT EXISTS (SELECT FROM public.syncapi_output_room_events o WHERE o.event_id = n.event_id)
       RETURNING '@' || n.localpart || ':' || n.server_name AS user_id`,
      [names.map(({ localpart }) => localpart), names.map(({ serverName }) => serverName), roomId],
    ),
  );
  await transaction.raw(
    `UPDATE public.syncapi_notification_data d SET (notification_count, highlight_count) = (
       SELECT count(*), count(*) FILTER (WHERE n.highlight) FROM public.userapi_notifications n
       WHERE '@' || n.localpart || ':' || n.server_name = d.user_id AND n.localpart = split_part(substr(d.user_id, 2), ':', 1)
         AND n.room_id = d.room_id AND NOT n.read)
     WHERE d.room_id = ? AND d.user_id = ANY(?)`,
    [roomId, [...new Set(deleted.map(({ user_id }) => user_id))]],
  );
  return { userapi_notifications: deleted.length };
}
