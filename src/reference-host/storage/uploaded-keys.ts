import type { Knex } from 'knex';
import type { UserId } from '../../index.ts';
import { toJson } from '../../matrix/index.ts';

/** Identifies a device by its user and its id. */
export interface DeviceKey {
  readonly userId: UserId;
  readonly deviceId: string;
}

const rowOf = ({ userId, deviceId }: DeviceKey): { user_id: string; device_id: string } => ({
  user_id: userId,
  device_id: deviceId,
});
const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** Stores the identity keys of a device. @returns the new stream id of the user's device list */
export async function storeDeviceKeys(
  transaction: Knex.Transaction,
  device: DeviceKey,
  keys: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { rows } = await transaction.raw<{ rows: { stream_id: string }[] }>(
    `INSERT INTO public.keyserver_device_keys (user_id, device_id, ts_added_secs, key_json, stream_id, display_name)
     SELECT :userId, :deviceId, :now, :json,
       (SELECT coalesce(max(k.stream_id), 0) + 1 FROM public.keyserver_device_keys k WHERE k.user_id = :userId),
       (SELECT d.display_name FROM public.userapi_devices d WHERE d.device_id = :deviceId
         AND '@' || d.localpart || ':' || d.server_name = :userId)
     ON CONFLICT (user_id, device_id) DO UPDATE SET key_json = excluded.key_json, stream_id = excluded.stream_id
     RETURNING stream_id`,
    { ...device, now: nowSeconds(), json: toJson(keys) },
  );
  return Number(rows[0]?.stream_id);
}

/** A one-time key or a fallback key. Its name is, for example, `signed_curve25519:AAAAHQ`. */
export interface SessionKey {
  readonly name: string;
  readonly key: unknown;
}

const splitName = (name: string): { algorithm: string; key_id: string } => {
  const [algorithm = '', ...rest] = name.split(':');
  return { algorithm, key_id: rest.join(':') };
};

/** Makes the columns that the tables of one-time keys and fallback keys have in common. */
const keyRowOf = (device: DeviceKey, { name, key }: SessionKey) => ({
  ...rowOf(device),
  ...splitName(name),
  ts_added_secs: nowSeconds(),
  key_json: toJson(key),
});

/** Stores one-time keys of a device. Keeps a stored key with the same name. */
export async function storeOneTimeKeys(
  transaction: Knex.Transaction,
  device: DeviceKey,
  keys: readonly SessionKey[],
): Promise<void> {
  if (keys.length === 0) return;
  const rows = keys.map((key) => keyRowOf(device, key));
  const unique = ['user_id', 'device_id', 'key_id', 'algorithm'];
  await transaction('public.keyserver_one_time_keys').insert(rows).onConflict(unique).ignore();
}

/**
 * Stores the fallback keys of a device, one for each algorithm. A key replaces the stored key of its algorithm, and counts as
 * unused. `takeSessionKey()` returns a fallback key when no one-time key is left.
 */
export async function storeFallbackKeys(
  transaction: Knex.Transaction,
  device: DeviceKey,
  keys: readonly SessionKey[],
): Promise<void> {
  if (keys.length === 0) return;
  const rows = keys.map((key) => ({ ...keyRowOf(device, key), used: false }));
  await transaction('public.keyserver_fallback_keys')
    .insert(rows)
    .onConflict(['user_id', 'device_id', 'algorithm'])
    .merge();
}

/** Counts the one-time keys of a device, by algorithm. */
export async function countOneTimeKeys(db: Knex, device: DeviceKey): Promise<Record<string, number>> {
  const rows: { algorithm: string; keys: string }[] = await db('public.keyserver_one_time_keys')
    .where(rowOf(device))
    .groupBy('algorithm')
    .select('algorithm', db.raw('count(*) AS keys'));
  return Object.fromEntries(rows.map(({ algorithm, keys }) => [algorithm, Number(keys)]));
}

/**
 * Returns a key of the given algorithm with which another device can start an encrypted session with this device. Prefers a
 * one-time key, and deletes it, so that nobody gets the same one-time key again. If no one-time key is left, returns the
 * fallback key and marks it as used. Returns `undefined` if the device has neither.
 */
export async function takeSessionKey(db: Knex, device: DeviceKey, algorithm: string): Promise<SessionKey | undefined> {
  const bindings = { ...device, algorithm };
  const { rows: oneTime } = await db.raw<{ rows: { key_id: string; key_json: string }[] }>(
    `WITH taken AS MATERIALIZED (
       SELECT key_id FROM public.keyserver_one_time_keys
       WHERE user_id = :userId AND device_id = :deviceId AND algorithm = :algorithm
       ORDER BY ts_added_secs, key_id LIMIT 1 FOR UPDATE SKIP LOCKED)
     DELETE FROM public.keyserver_one_time_keys k USING taken
     WHERE k.user_id = :userId AND k.device_id = :deviceId AND k.algorithm = :algorithm AND k.key_id = taken.key_id
     RETURNING k.key_id, k.key_json`,
    bindings,
  );
  const { rows: fallback } =
    oneTime.length > 0
      ? { rows: oneTime }
      : await db.raw<{ rows: { key_id: string; key_json: string }[] }>(
          `UPDATE public.keyserver_fallback_keys SET used = true
           WHERE user_id = :userId AND device_id = :deviceId AND algorithm = :algorithm RETURNING key_id, key_json`,
          bindings,
        );
  const [row] = fallback;
  return row && { name: `${algorithm}:${row.key_id}`, key: JSON.parse(row.key_json) };
}
