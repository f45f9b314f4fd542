import type { Knex } from 'knex';
import type { SigningKey } from '../../src/host.ts';
import { isServerName, type ServerName } from '../../src/ids.ts';
import { privateKeyOf } from '../../src/matrix/sign-event.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };

/** The users of the recorded Dendrite. */
export const USERS = server.users;

function serverNameOf(text: string): ServerName {
  if (!isServerName(text)) throw new Error(`not a server name: ${text}`);
  return text;
}

/** The server name of the recorded Dendrite. */
export const SERVER_NAME: ServerName = serverNameOf(server.server_name);

/**
 * Returns a signing key for the recorded server name or another one. It is the same key each time, but not the recorded key.
 */
export function createSigningKey(serverName = SERVER_NAME): SigningKey {
  const privateKey = privateKeyOf(Buffer.alloc(32, 'the key of all tests'));
  return { serverName, keyId: 'ed25519:test', privateKey };
}

export interface NewAccount {
  readonly localpart: string;
  readonly serverName?: string;
  readonly accountType: number;
  readonly appserviceId?: string;
  readonly deactivated?: boolean;
}

/** Adds an account as Dendrite does. */
export async function addAccount(db: Knex, account: NewAccount): Promise<void> {
  await db('public.userapi_accounts').insert({
    localpart: account.localpart,
    server_name: account.serverName ?? SERVER_NAME,
    created_ts: 1,
    appservice_id: account.appserviceId ?? null,
    is_deactivated: account.deactivated ?? false,
    account_type: account.accountType,
  });
}

/** Adds a device that has the access token. */
export async function addDevice(
  db: Knex,
  device: { readonly accessToken: string; readonly localpart: string; readonly serverName?: string },
): Promise<void> {
  await db('public.userapi_devices').insert({
    access_token: device.accessToken,
    device_id: `of ${device.accessToken}`,
    localpart: device.localpart,
    server_name: device.serverName ?? SERVER_NAME,
    created_ts: 1,
    last_seen_ts: 1,
  });
}
