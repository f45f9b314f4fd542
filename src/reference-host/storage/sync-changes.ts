import type { Knex } from 'knex';
import type { SyncPosition } from '../sync/position.ts';

/**
 * The rooms and users for which `/sync` has something new. The homeserver must wake the clients of these users, and the clients
 * of the members of these rooms.
 */
export interface SyncChanges {
  readonly rooms: readonly string[];
  readonly users: readonly string[];
}

/**
 * Reads which rooms and users have rows in the streams of `/sync` that are later than the position `after`, up to the position
 * `upTo`.
 */
export async function readSyncChanges(db: Knex, after: SyncPosition, upTo: SyncPosition): Promise<SyncChanges> {
  const { rows } = await db.raw<{ rows: { kind: keyof SyncChanges; id: string }[] }>(
    `SELECT 'rooms' AS kind, room_id AS id FROM public.syncapi_output_room_events
       WHERE id > :afterStream AND id <= :stream AND exclude_from_sync IS NOT TRUE
     UNION SELECT 'users', s.state_key FROM public.syncapi_output_room_events e
       JOIN public.syncapi_current_room_state s ON s.event_id = e.event_id
       WHERE e.id > :afterStream AND e.id <= :stream AND e.type = 'm.room.member'
     UNION SELECT 'users', target_user_id FROM public.syncapi_invite_events WHERE id > :afterStream AND id <= :stream
     UNION SELECT 'users', user_id FROM public.syncapi_account_data_type WHERE id > :afterStream AND id <= :stream
     UNION SELECT 'rooms', room_id FROM public.syncapi_receipts WHERE id > :afterReceipts AND id <= :receipts
     UNION SELECT 'users', user_id FROM public.syncapi_send_to_device WHERE id > :afterToDevice AND id <= :toDevice
     UNION SELECT 'users', user_id FROM public.keyserver_key_changes
       WHERE change_id > :afterDeviceLists AND change_id <= :deviceLists
     UNION SELECT 'rooms', s.room_id FROM public.keyserver_key_changes k
       JOIN public.syncapi_current_room_state s
         ON s.type = 'm.room.member' AND s.state_key = k.user_id AND s.membership = 'join'
       WHERE k.change_id > :afterDeviceLists AND k.change_id <= :deviceLists`,
    {
      ...upTo,
      afterStream: after.stream,
      afterReceipts: after.receipts,
      afterToDevice: after.toDevice,
      afterDeviceLists: after.deviceLists,
    },
  );
  const of = (kind: keyof SyncChanges): string[] => rows.filter((row) => row.kind === kind).map(({ id }) => id);
  return { rooms: of('rooms'), users: of('users') };
}
