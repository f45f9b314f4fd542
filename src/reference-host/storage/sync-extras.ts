import type { Knex } from 'knex';
import type { UserId } from '../../index.ts';
import { splitUserId } from '../../matrix/index.ts';
import type { Device } from './devices.ts';

type Json = Readonly<Record<string, unknown>>;

/** Account data of a user. `roomId` is empty for global account data. */
export interface AccountDataEntry {
  readonly roomId: string;
  readonly type: string;
  readonly content: Json;
}

/**
 * Reads the current content of the account data that has changed after the position `after`, up to the position `upTo`.
 * @param after if it is `undefined`, the result has all account data, even data of which the stream has no row
 */
export async function readAccountData(
  db: Knex,
  userId: UserId,
  after: number | undefined,
  upTo: number,
): Promise<AccountDataEntry[]> {
  const { localpart, serverName } = splitUserId(userId);
  const { rows } = await db.raw<{ rows: { room_id: string; type: string; content: string }[] }>(
    `SELECT coalesce(d.room_id, '') AS room_id, d.type, d.content FROM public.userapi_account_datas d
     WHERE d.localpart = :localpart AND d.server_name = :serverName AND (CAST(:after AS bigint) IS NULL OR EXISTS (
       SELECT FROM public.syncapi_account_data_type t
       WHERE t.user_id = :userId AND t.room_id = coalesce(d.room_id, '') AND t.type = d.type
         AND t.id > :after AND t.id <= :upTo))
     ORDER BY 1, 2`,
    { localpart, serverName, userId, after: after ?? null, upTo } as Record<string, Knex.Value>,
  );
  return rows.map((row) => ({ roomId: row.room_id, type: row.type, content: JSON.parse(row.content) }));
}

/** A receipt of a user. */
export interface StoredReceipt {
  readonly roomId: string;
  readonly type: string;
  readonly userId: string;
  readonly eventId: string;
  /** The time of the receipt, in ms since the epoch. */
  readonly ts: number;
}

/** Reads the receipts in the given rooms that are newer than the position `after`, up to the position `upTo`. */
export async function readReceipts(
  db: Knex,
  roomIds: readonly string[],
  after: number,
  upTo: number,
): Promise<StoredReceipt[]> {
  if (roomIds.length === 0 || upTo <= after) return [];
  const { rows } = await db.raw<{
    rows: { room_id: string; receipt_type: string; user_id: string; event_id: string; receipt_ts: string }[];
  }>(
    `SELECT room_id, receipt_type, user_id, event_id, receipt_ts FROM public.syncapi_receipts
     WHERE room_id = ANY(?) AND id > ? AND id <= ? ORDER BY id`,
    [[...roomIds], after, upTo],
  );
  return rows.map((row) => ({
    roomId: row.room_id,
    type: row.receipt_type,
    userId: row.user_id,
    eventId: row.event_id,
    ts: Number(row.receipt_ts),
  }));
}

/** A to-device message. */
export interface ToDeviceMessage {
  readonly position: number;
  /** The sender, the type and the content of the message. */
  readonly message: Json;
}

/**
 * Deletes the messages up to the position `received`, because the device has received them. Reads the next messages for the
 * device, in order, at most `limit` and up to the position `upTo`.
 */
export async function takeToDevice(
  db: Knex,
  { userId, deviceId }: Device,
  { received, upTo, limit }: { readonly received: number; readonly upTo: number; readonly limit: number },
): Promise<ToDeviceMessage[]> {
  const bindings = { userId, deviceId, received, upTo, limit };
  const { rows } = await db.raw<{ rows: { id: string; content: string }[] }>(
    `WITH acknowledged AS (
       DELETE FROM public.syncapi_send_to_device
       WHERE user_id = :userId AND device_id = :deviceId AND id <= :received)
     SELECT id, content FROM public.syncapi_send_to_device
     WHERE user_id = :userId AND device_id = :deviceId AND id > :received AND id <= :upTo ORDER BY id LIMIT :limit`,
    bindings,
  );
  return rows.map(({ id, content }) => ({ position: Number(id), message: JSON.parse(content) }));
}

/**
 * Lists the users whose devices or device keys have changed after the position `after`, up to the position `upTo`. A user can
 * occur twice.
 */
export async function listChangedDeviceLists(db: Knex, after: number, upTo: number): Promise<string[]> {
  if (upTo <= after) return [];
  return db('public.keyserver_key_changes')
    .where('change_id', '>', after)
    .where('change_id', '<=', upTo)
    .pluck('user_id');
}

/** The keys of a device that are still available for new encrypted sessions. */
export interface KeyCounts {
  /** Number of one-time keys by algorithm. */
  readonly oneTime: Readonly<Record<string, number>>;
  /** Algorithms of unused fallback keys. */
  readonly unusedFallback: readonly string[];
}

export async function countKeys(db: Knex, { userId, deviceId }: Device): Promise<KeyCounts> {
  const own = { user_id: userId, device_id: deviceId };
  const counts: { algorithm: string; keys: string }[] = await db('public.keyserver_one_time_keys')
    .where(own)
    .groupBy('algorithm')
    .select('algorithm', db.raw('count(*) AS keys'));
  return {
    oneTime: Object.fromEntries(counts.map(({ algorithm, keys }) => [algorithm, Number(keys)])),
    unusedFallback: await db('public.keyserver_fallback_keys')
      .where({ ...own, used: false })
      .pluck('algorithm'),
  };
}

/** A user's numbers of unread notifications and highlights in a room. */
export interface UnreadCounts {
  readonly notifications: number;
  readonly highlights: number;
}

/** Reads a user's stored counts of unread notifications and highlights in the given rooms. */
export async function readUnreadCounts(
  db: Knex,
  userId: UserId,
  roomIds: readonly string[],
): Promise<Map<string, UnreadCounts>> {
  if (roomIds.length === 0) return new Map();
  const rows: { room_id: string; notification_count: string; highlight_count: string }[] = await db(
    'public.syncapi_notification_data',
  )
    .where('user_id', userId)
    .whereIn('room_id', [...roomIds])
    .select('room_id', 'notification_count', 'highlight_count');
  return new Map(
    rows.map((row) => [
      row.room_id,
      { notifications: Number(row.notification_count), highlights: Number(row.highlight_count) },
    ]),
  );
}
