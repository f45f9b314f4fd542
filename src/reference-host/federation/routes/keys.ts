import { createPublicKey } from 'node:crypto';
import type Router from '@koa/router';
import type { SigningKey } from '../../../index.ts';
import { signJson, unpaddedBase64 } from '../../../matrix/index.ts';
import type { FederationContext } from '../federation-context.ts';

const VALID_MS = 24 * 3_600_000;
const KEY_BYTES = 32;

/**
 * Adds the routes for the server's version and its keys. Source: Server-Server API, "Server version" and "Retrieving server
 * keys".
 */
export function addKeyRoutes(router: Router, { signingKeys, serverName }: FederationContext): void {
  router.get('/_matrix/federation/v1/version', (ctx) => {
    ctx.body = { server: { name: 'koa-matrix-admin reference homeserver' } };
  });
  router.get('/_matrix/key/v2/server', (ctx) => {
    const asked = ctx.get('host');
    const name = signingKeys.some((key) => key.serverName === asked) ? asked : serverName;
    const own = signingKeys.filter((key) => key.serverName === name);
    const keys = {
      server_name: name,
      valid_until_ts: Date.now() + VALID_MS,
      verify_keys: Object.fromEntries(own.map((key) => [key.keyId, { key: publicKeyOf(key) }])),
      old_verify_keys: {},
    };
    ctx.body = own.reduce<Readonly<Record<string, unknown>>>((signed, key) => signJson(signed, key), keys);
  });
}

function publicKeyOf({ privateKey }: SigningKey): string {
  return unpaddedBase64(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES));
}
