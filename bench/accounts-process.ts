/**
 * The process that bench:accounts measures. It serves the plugin on one port, and plain Koa routes with the same queries on
 * another. On command, it measures stalls of its own event loop.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import Router from '@koa/router';
import { hash } from '@node-rs/bcrypt';
import knex from 'knex';
import Koa, { type Context } from 'koa';
import { Registry } from 'prom-client';
import { createAdminPlugin } from '../src/index.ts';
import { SERVER_NAME, SIGNING_KEY } from './room-data.ts';

export type Command = 'measure' | 'measured' | 'hash' | 'stop';
export interface Ports {
  readonly plugin: number;
  readonly bare: number;
}

const [, , connectionString = ''] = process.argv;
const db = knex({ client: 'pg', connection: connectionString, pool: { min: 0, max: 20 } });

async function serve(app: Koa): Promise<number> {
  const handle = app.callback();
  const server = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

const host = { serverName: SERVER_NAME, db, signingKeys: [SIGNING_KEY], metrics: { registry: new Registry() } };
const admin = createAdminPlugin(host, { search: false, limits: { openRequests: false } });
await admin.start();
const plugin = new Koa();
plugin.use(admin.router.routes());

/**
 * The SQL of the baselines, which run as few queries as possible: one finds the owner of the access token, and the other reads
 * the answer.
 */
const OWNER = `SELECT d.localpart, d.server_name, d.device_id, a.account_type
  FROM userapi_devices d JOIN userapi_accounts a ON a.server_name = d.server_name AND a.localpart = d.localpart
  WHERE d.access_token = ? AND a.is_deactivated IS NOT TRUE`;
const DEVICES = `SELECT device_id, display_name, ip, user_agent, last_seen_ts FROM userapi_devices
  WHERE localpart = ? AND server_name = ? ORDER BY device_id`;
const TOKEN = `SELECT EXISTS (SELECT FROM userapi_registration_tokens WHERE token = ?
  AND (uses_allowed IS NULL OR pending + completed < uses_allowed)
  AND (expiry_time IS NULL OR expiry_time > extract(epoch FROM clock_timestamp()) * 1000)) AS valid`;
const USERS = `SELECT a.*, p.display_name, p.avatar_url, (SELECT max(last_seen_ts) FROM userapi_devices d
    WHERE d.localpart = a.localpart AND d.server_name = a.server_name) AS last_seen_ts
  FROM (SELECT localpart, server_name, account_type, is_deactivated, created_ts, appservice_id FROM userapi_accounts
    WHERE (localpart, server_name) > (?, ?) AND is_deactivated IS NOT TRUE ORDER BY localpart, server_name LIMIT 101) a
  LEFT JOIN userapi_profiles p ON p.localpart = a.localpart AND p.server_name = a.server_name
  ORDER BY a.localpart, a.server_name`;

const authenticate = async (ctx: Context): Promise<void> => {
  const { rows } = await db.raw(OWNER, [ctx.get('authorization').slice('Bearer '.length)]);
  if (rows[0]?.account_type !== 3) ctx.throw(403);
};
const router = new Router()
  .get('/whois/:localpart', async (ctx) => {
    await authenticate(ctx);
    ctx.body = (await db.raw(DEVICES, [ctx.params['localpart'] ?? '', SERVER_NAME])).rows;
  })
  .get('/token/:token', async (ctx) => {
    ctx.body = (await db.raw(TOKEN, [ctx.params['token'] ?? ''])).rows[0];
  })
  .get('/users/:after', async (ctx) => {
    await authenticate(ctx);
    ctx.body = (await db.raw(USERS, [ctx.params['after'] ?? '', SERVER_NAME])).rows;
  });
const bare = new Koa();
bare.use(router.routes());

const delay = monitorEventLoopDelay({ resolution: 1 });
const COMMANDS: Readonly<Record<Command, () => unknown>> = {
  measure: () => {
    delay.reset();
    return delay.enable();
  },
  measured: () => {
    delay.disable();
    return delay.percentile(99) / 1e6;
  },
  /** Hashes as many passwords as the bench resets, with the same concurrency. */
  hash: async () => {
    let left = 50;
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await hash(`correct horse battery ${left}`, { cost: 10 });
      }
    };
    await Promise.all([lane(), lane()]);
  },
  stop: async () => {
    await admin.stop();
    await db.destroy();
  },
};
process.on('message', (command: Command) => {
  Promise.resolve(COMMANDS[command]())
    .then((answer) => process.send?.(answer ?? null, () => command === 'stop' && process.exit()))
    .catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
});
process.send?.({ plugin: await serve(plugin), bare: await serve(bare) } satisfies Ports);
