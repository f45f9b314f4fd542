import type { Knex } from 'knex';
import type { UserId } from '../../index.ts';

type Json = Readonly<Record<string, unknown>>;

/** A user's devices that have encryption keys, and the user's cross-signing keys. */
export interface UserDevices {
  /**
   * The greatest stream id of these devices. A device whose keys change gets a new, greater stream id. 0 if the user has no
   * such devices.
   */
  readonly streamId: number;
  readonly devices: readonly { readonly deviceId: string; readonly displayName: string | null; readonly keys: Json }[];
  readonly masterKey: Json | undefined;
  readonly selfSigningKey: Json | undefined;
}

/** The usage of a cross-signing key, by the number that Dendrite stores in `key_type`. */
const PURPOSES = { 1: 'master', 2: 'self_signing' } as const;

export async function readUserDevices(db: Knex, userId: UserId): Promise<UserDevices> {
  const rows = await db('public.keyserver_device_keys')
    .where('user_id', userId)
    .whereNot('key_json', '')
    .orderBy('device_id')
    .select('device_id', 'display_name', 'key_json', 'stream_id');
  const keyOf = async (type: keyof typeof PURPOSES): Promise<Json | undefined> => {
    const row = await db('public.keyserver_cross_signing_keys')
      .where({ user_id: userId, key_type: type })
      .first('key_data');
    return row && crossSigningKey(db, userId, PURPOSES[type], row.key_data);
  };
  return {
    streamId: Math.max(0, ...rows.map(({ stream_id }) => Number(stream_id))),
    devices: rows.map((row) => ({
      deviceId: row.device_id,
      displayName: row.display_name,
      keys: JSON.parse(row.key_json),
    })),
    masterKey: await keyOf(1),
    selfSigningKey: await keyOf(2),
  };
}

async function crossSigningKey(db: Knex, userId: UserId, usage: string, key: string): Promise<Json> {
  const signatures: Record<string, Record<string, string>> = {};
  const rows = await db('public.keyserver_cross_signing_sigs')
    .where({ target_user_id: userId, target_key_id: `ed25519:${key}` })
    .orWhere({ target_user_id: userId, target_key_id: key })
    .select('origin_user_id', 'origin_key_id', 'signature');
  for (const { origin_user_id: origin, origin_key_id: keyId, signature } of rows) {
    signatures[origin] = { ...signatures[origin], [keyId]: signature };
  }
  return { user_id: userId, usage: [usage], keys: { [`ed25519:${key}`]: key }, signatures };
}
