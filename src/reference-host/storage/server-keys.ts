import type { Knex } from 'knex';
import type { ServerName } from '../../index.ts';

/** A row of `keydb_server_keys`. */
export interface StoredServerKey {
  readonly keyId: string;
  /** The public key in unpadded base64. */
  readonly publicKey: string;
  /** The time until which the key is valid, in ms since the epoch. The key must not sign events with a later timestamp. */
  readonly validUntilTs: number;
  /** Whether the server no longer signs with this key. */
  readonly isOld: boolean;
}

interface Row {
  readonly server_key_id: string;
  readonly server_key: string;
  readonly valid_until_ts: string;
  readonly expired_ts: string;
}

/** The character that Dendrite puts between the server name and the key id: the ASCII unit separator. */
const SEPARATOR = '\x1f';

export async function readServerKeys(
  db: Knex,
  serverName: ServerName,
  keyIds: readonly string[],
): Promise<StoredServerKey[]> {
  const rows = await db<Row>('public.keydb_server_keys')
    .where('server_name', serverName)
    .whereIn('server_key_id', [...keyIds])
    .select('server_key_id', 'server_key', 'valid_until_ts', 'expired_ts');
  return rows.map(({ server_key_id: keyId, server_key: publicKey, valid_until_ts: valid, expired_ts: expired }) => {
    const isOld = Number(expired) !== 0;
    return { keyId, publicKey, isOld, validUntilTs: Number(isOld ? expired : valid) };
  });
}

/**
 * Adds keys, or replaces them. As in Dendrite, `expired_ts` is 0 for a current key, and `valid_until_ts` is 0 for an old key.
 */
export async function storeServerKeys(
  db: Knex,
  serverName: ServerName,
  keys: readonly StoredServerKey[],
): Promise<void> {
  if (keys.length === 0) return;
  const rows = keys.map(({ keyId, publicKey, validUntilTs, isOld }) => ({
    server_name: serverName,
    server_key_id: keyId,
    server_name_and_key_id: `${serverName}${SEPARATOR}${keyId}`,
    valid_until_ts: isOld ? 0 : validUntilTs,
    expired_ts: isOld ? validUntilTs : 0,
    server_key: publicKey,
  }));
  await db('public.keydb_server_keys').insert(rows).onConflict(['server_name', 'server_key_id']).merge();
}
