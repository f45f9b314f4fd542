import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDevice, USERS } from '../support/dendrite-server.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const PATH = `/_matrix/client/v3/admin/whois/${encodeURIComponent(USERS.alice.user_id)}`;

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin();
});
afterAll(() => plugin.close());

/** Sends a request with the token. Returns the status, and whether the plugin looked the token up in the database. */
async function use(accessToken: string): Promise<readonly [status: number, isLookedUp: boolean]> {
  const { pluginDb: db } = plugin.database;
  let isLookedUp = false;
  const watch = ({ bindings = [] }: { readonly bindings?: readonly unknown[] }): void => {
    if (bindings.includes(accessToken)) isLookedUp = true;
  };
  db.on('query', watch);
  const { status } = await plugin.request(PATH, { headers: bearer(accessToken) });
  db.off('query', watch);
  return [status, isLookedUp];
}

it('an access token of more than 4,096 characters does not reach the database', async () => {
  const [longest, tooLong] = ['t'.repeat(4_096), 't'.repeat(4_097)];
  for (const accessToken of [longest, tooLong])
    await addDevice(plugin.database.db, { accessToken, localpart: 'alice' });
  expect(await use(longest)).toEqual([200, true]);
  expect(await use(tooLong)).toEqual([401, false]);
});

it('a database failure during a token lookup does not count as a failed authentication', async () => {
  const failures = (): Promise<number> => plugin.metric('matrix_admin_auth_failures_total');
  const before = await failures();
  await plugin.database.db.raw('ALTER TABLE public.userapi_devices RENAME TO elsewhere');
  expect((await plugin.request(PATH, { headers: bearer(USERS.alice.access_token) })).status).toBe(500);
  await plugin.database.db.raw('ALTER TABLE public.elsewhere RENAME TO userapi_devices');
  expect(await failures()).toBe(before);
});
