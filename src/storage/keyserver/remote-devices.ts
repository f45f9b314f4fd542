import type { Knex } from 'knex';
import { splitUserId, type UserId } from '../../ids.ts';
import type { CrossSigningKey, VerifiedDevices } from '../../matrix/device-keys.ts';
import { type Db, rowsOf } from '../database.ts';

/** Dendrite's numbers for the types of cross-signing keys. */
const KEY_TYPES: Readonly<Record<CrossSigningKey['usage'], number>> = { master: 1, self_signing: 2 };

/** Marks the device list of a remote user as stale or as up to date. The homeserver must request a stale list again. */
export async function setStale(transaction: Knex.Transaction, userId: UserId, isStale: boolean): Promise<void> {
  await transaction.raw(
    `INSERT INTO public.keyserver_stale_device_lists (user_id, domain, is_stale, ts_added_secs)
     VALUES (:userId, :domain, :isStale, extract(epoch FROM clock_timestamp())::bigint)
     ON CONFLICT (user_id) DO UPDATE SET is_stale = excluded.is_stale, ts_added_secs = excluded.ts_added_secs`,
    { userId, domain: splitUserId(userId).serverName, isStale },
  );
}

const LAST_CHANGE = 'SELECT change_id FROM public.keyserver_key_changes WHERE user_id = ?';

/** Returns the id of the last change of the user's keys. Returns `undefined` if no change was recorded yet. */
export async function findKeyChange(db: Db, userId: UserId): Promise<string | undefined> {
  const [row] = await rowsOf<{ change_id: string }>(db.raw(LAST_CHANGE, [userId]));
  return row?.change_id;
}

/**
 * Returns the same as `findKeyChange()`. First waits for other transactions that record a change of the user's keys, and blocks
 * further ones until the end of this transaction. If no change is recorded yet, records one, because there is no row to lock.
 */
export async function lockKeyChange(transaction: Knex.Transaction, userId: UserId): Promise<string | undefined> {
  const added = await rowsOf(
    transaction.raw(
      'INSERT INTO public.keyserver_key_changes (user_id) VALUES (?) ON CONFLICT (user_id) DO NOTHING RETURNING user_id',
      [userId],
    ),
  );
  if (added.length > 0) return undefined;
  const [row] = await rowsOf<{ change_id: string }>(transaction.raw(`${LAST_CHANGE} FOR UPDATE`, [userId]));
  return row?.change_id;
}

/**
 * Replaces the stored devices and cross-signing keys of a remote user. Also deletes the one-time keys and fallback keys of
 * devices that are not in `devices`.
 * @param streamId the stream id of the device list on the user's own server
 * @returns the number of devices that were stored before, and that are not in `devices`
 */
export async function replaceRemoteDevices(
  transaction: Knex.Transaction,
  userId: UserId,
  streamId: number,
  { devices, crossSigningKeys }: VerifiedDevices,
): Promise<number> {
  const deviceIds = devices.map(({ deviceId }) => deviceId);
  for (const table of ['keyserver_one_time_keys', 'keyserver_fallback_keys']) {
    await transaction.raw('DELETE FROM public.?? WHERE user_id = ? AND device_id <> ALL(?)', [
      table,
      userId,
      deviceIds,
    ]);
  }
  const gone = await rowsOf<{ device_id: string }>(
    transaction.raw(
      'DELETE FROM public.keyserver_device_keys WHERE user_id = ? AND device_id <> ALL(?) RETURNING device_id',
      [userId, deviceIds],
    ),
  );
  await transaction.raw(
    `INSERT INTO public.keyserver_device_keys (user_id, device_id, ts_added_secs, key_json, stream_id, display_name)
     SELECT :userId, device_id, extract(epoch FROM clock_timestamp())::bigint, key_json, CAST(:streamId AS bigint), display_name
     FROM unnest(CAST(:deviceIds AS text[]), CAST(:keyJsons AS text[]), CAST(:displayNames AS text[]))
       AS d(device_id, key_json, display_name)
     ON CONFLICT (user_id, device_id) DO UPDATE
       SET key_json = excluded.key_json, stream_id = excluded.stream_id, display_name = excluded.display_name`,
    {
      userId,
      streamId,
      deviceIds,
      keyJsons: devices.map(({ keyJson }) => keyJson),
      displayNames: devices.map(({ displayName }) => displayName ?? ''),
    },
  );
  await replaceCrossSigningKeys(transaction, userId, crossSigningKeys);
  return gone.length;
}

/**
 * Replaces a user's cross-signing keys, and the signatures that the user has made with own keys on own keys. Keeps the
 * signatures that other users have made on this user's keys, for example when they verified this user.
 */
async function replaceCrossSigningKeys(
  transaction: Knex.Transaction,
  userId: UserId,
  keys: readonly CrossSigningKey[],
): Promise<void> {
  await transaction.raw('DELETE FROM public.keyserver_cross_signing_keys WHERE user_id = ?', [userId]);
  await transaction.raw(
    'DELETE FROM public.keyserver_cross_signing_sigs WHERE origin_user_id = :userId AND target_user_id = :userId',
    { userId },
  );
  await transaction.raw(
    `INSERT INTO public.keyserver_cross_signing_keys (user_id, key_type, key_data)
     SELECT ?, * FROM unnest(?::smallint[], ?::text[])`,
    [userId, keys.map(({ usage }) => KEY_TYPES[usage]), keys.map(({ publicKey }) => publicKey)],
  );
  const signatures = keys.flatMap(({ publicKey, signatures: made }) =>
    Object.entries(made).map(([keyId, signature]) => ({ target: `ed25519:${publicKey}`, keyId, signature })),
  );
  await transaction.raw(
    `INSERT INTO public.keyserver_cross_signing_sigs
       (origin_user_id, origin_key_id, target_user_id, target_key_id, signature)
     SELECT :userId, key_id, :userId, target, signature
     FROM unnest(CAST(:keyIds AS text[]), CAST(:targets AS text[]), CAST(:signatures AS text[])) AS s(key_id, target, signature)`,
    {
      userId,
      keyIds: signatures.map(({ keyId }) => keyId),
      targets: signatures.map(({ target }) => target),
      signatures: signatures.map(({ signature }) => signature),
    },
  );
}
