import type { Knex } from 'knex';
import type { UserId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/**
 * Stores the row that Dendrite has for a device without keys. If the device has a row already, removes the keys from it. The
 * row gets the next stream id of the user's device list.
 */
export async function insertKeylessDevice(
  transaction: Knex.Transaction,
  { userId, deviceId }: { readonly userId: UserId; readonly deviceId: string },
): Promise<void> {
  await transaction.raw(
    `INSERT INTO public.keyserver_device_keys (user_id, device_id, ts_added_secs, key_json, stream_id, display_name)
     SELECT :userId, :deviceId, extract(epoch FROM clock_timestamp())::bigint, '', coalesce(max(stream_id), 0) + 1, ''
     FROM public.keyserver_device_keys WHERE user_id = :userId
     ON CONFLICT (user_id, device_id) DO UPDATE SET key_json = '', stream_id = excluded.stream_id`,
    { userId, deviceId },
  );
}

/**
 * Renames a device in the table of device keys. If the device has keys, its row gets the next stream id of the user's device
 * list, because other servers must learn of the new name.
 * @returns the new stream id and the keys; `undefined` if the device has no keys or no row
 */
export async function updateKeysDisplayName(
  transaction: Knex.Transaction,
  userId: UserId,
  deviceId: string,
  displayName: string,
): Promise<{ streamId: number; keyJson: string } | undefined> {
  const [row] = await rowsOf<{ stream_id: string; key_json: string }>(
    transaction.raw(
      `UPDATE public.keyserver_device_keys SET display_name = :displayName, stream_id = CASE WHEN key_json = '' THEN stream_id
         ELSE (SELECT max(k.stream_id) + 1 FROM public.keyserver_device_keys k WHERE k.user_id = :userId) END
       WHERE user_id = :userId AND device_id = :deviceId RETURNING stream_id, key_json`,
      { userId, deviceId, displayName },
    ),
  );
  return row?.key_json ? { streamId: Number(row.stream_id), keyJson: row.key_json } : undefined;
}

/**
 * Deletes all keys of the given devices of a user.
 * @returns the highest stream id in the user's device list before the deletion; 0 if the list was empty
 */
export async function deleteDeviceKeys(
  transaction: Knex.Transaction,
  userId: UserId,
  deviceIds: readonly string[],
): Promise<number> {
  const [row] = await rowsOf<{ stream_id: string }>(
    transaction.raw(
      `SELECT coalesce(max(stream_id), 0) AS stream_id FROM public.keyserver_device_keys WHERE user_id = ?`,
      [userId],
    ),
  );
  for (const table of ['keyserver_device_keys', 'keyserver_one_time_keys', 'keyserver_fallback_keys']) {
    await transaction.raw('DELETE FROM public.?? WHERE user_id = ? AND device_id = ANY(?)', [
      table,
      userId,
      [...deviceIds],
    ]);
  }
  return Number(row?.stream_id ?? 0);
}

/**
 * Records that keys of a user have changed, so that `/sync` reports the change to all local users who share a room with this
 * user.
 */
export async function noteKeyChange(transaction: Knex.Transaction, userId: UserId): Promise<void> {
  await transaction.raw(
    `INSERT INTO public.keyserver_key_changes (user_id) VALUES (?)
     ON CONFLICT (user_id) DO UPDATE SET change_id = nextval('public.keyserver_key_changes_seq')`,
    [userId],
  );
}

/** Tells whether a device has identity keys. Only such a device is visible to other users. */
export async function hasDeviceKeys(db: Db, userId: UserId, deviceId: string): Promise<boolean> {
  const rows = await rowsOf(
    db.raw(`SELECT FROM public.keyserver_device_keys WHERE user_id = ? AND device_id = ? AND key_json <> ''`, [
      userId,
      deviceId,
    ]),
  );
  return rows.length > 0;
}
