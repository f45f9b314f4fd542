import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { endAdminLogins } from '../../../src/accounts/end-admin-logins.ts';
import type { UserId } from '../../../src/ids.ts';
import { deny } from '../../../src/pipeline/hooks.ts';
import { addAccount, addDevice, SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const BOB = USERS.bob.user_id as UserId;

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({ options: { accounts: { allowLoginAs: true } } });
  ({ db } = plugin.database);
  await addAccount(db, { localpart: 'root', accountType: 3 });
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
});
afterAll(() => plugin.close());
beforeEach(async () => {
  await db('matrix_admin.admin_logins').delete();
  await db('userapi_devices').where({ access_token: 'ADMIN2' }).delete();
  await addDevice(db, { accessToken: 'ADMIN2', localpart: 'admin' });
});

const pathOf = (userId: string): string => `/_synapse/admin/v1/users/${encodeURIComponent(userId)}/login`;
const login = (userId: string = BOB, body: object = {}, token = 'ADMIN2'): Promise<Answer> =>
  plugin.request(pathOf(userId), { method: 'POST', headers: bearer(token), body: JSON.stringify(body) });
const tokenOf = async (body: object = {}): Promise<string> => {
  const answer = await login(BOB, body);
  expect(answer.status, answer.text).toBe(200);
  return String(jsonOf(answer).access_token);
};
const whois = async (token: string): Promise<number> =>
  (await plugin.request(`/_matrix/client/v3/admin/whois/${BOB}`, { headers: bearer(token) })).status;
const deviceOf = async (token: string): Promise<string> =>
  (await db('userapi_devices').where({ access_token: token }).first()).device_id;
const sweep = (): Promise<void> => endAdminLogins({ db, localServerNames: [SERVER_NAME], ended: () => {} });
const isThere = async (token: string): Promise<boolean> =>
  (await db('userapi_devices').where({ access_token: token })).length > 0;
/** Makes the plugin forget what it has cached about bob. Without this, it forgets after two seconds. */
const forget = async (): Promise<void> => {
  await plugin.admin.operations.setUserSuspended(
    { userId: BOB, suspended: false },
    { actor: { kind: 'system', name: 'test' } },
  );
};

describe('a login as a user', () => {
  it('acts as the user, and is in none of the lists of devices', async () => {
    const before = jsonOf(await plugin.asAdmin(`/_synapse/admin/v2/users/${BOB}`));
    const devices = (await plugin.asAdmin(`/_synapse/admin/v2/users/${BOB}/devices`)).text;
    const seen = (await plugin.asAdmin(`/_synapse/admin/v1/whois/${BOB}`)).text;
    const token = await tokenOf();
    expect(await whois(token)).toBe(200);
    expect((await plugin.request('/_dendrite/admin/jobs', { headers: bearer(token) })).status).toBe(403);
    expect((await plugin.asAdmin(`/_synapse/admin/v2/users/${BOB}/devices`)).text).toBe(devices);
    expect((await plugin.asAdmin(`/_synapse/admin/v1/whois/${BOB}`)).text).toBe(seen);
    expect(jsonOf(await plugin.asAdmin(`/_synapse/admin/v2/users/${BOB}`))).toEqual(before);
    const device = await deviceOf(token);
    for (const [method, body] of [
      ['GET', undefined],
      ['PUT', '{"display_name":"x"}'],
    ] as const) {
      const path = `/_synapse/admin/v2/users/${BOB}/devices/${device}`;
      expect((await plugin.asAdmin(path, { method, ...(body && { body }) })).status).toBe(404);
    }
    expect((await plugin.admin.accounts.check(BOB, device)).hiddenDevices).toEqual([device]);
  });

  it('ends exactly at its time, and its device is deleted soon afterwards', async () => {
    const validUntil = Date.now() + 1_500;
    const token = await tokenOf({ valid_until_ms: validUntil });
    const device = await deviceOf(token);
    expect(await whois(token)).toBe(200);
    expect((await plugin.admin.accounts.check(BOB, device)).hasLoginEnded).toBe(false);
    await sweep();
    expect(await isThere(token)).toBe(true);
    await expect.poll(() => Date.now(), { timeout: 4_000 }).toBeGreaterThan(validUntil);
    expect(await whois(token)).toBe(401);
    expect((await plugin.admin.accounts.check(BOB, device)).hasLoginEnded).toBe(true);
    expect((await plugin.admin.accounts.check(BOB)).hasLoginEnded).toBe(false);
    await sweep();
    expect(await isThere(token)).toBe(false);
    expect(await db('matrix_admin.admin_logins')).toEqual([]);
    expect(await whois(USERS.bob.access_token)).toBe(200);
  });

  const ends: readonly (readonly [string, () => Promise<unknown>, () => Promise<unknown>])[] = [
    [
      "when the administrator's own token is logged out",
      () => db('userapi_devices').where({ access_token: 'ADMIN2' }).delete(),
      async () => {},
    ],
    [
      'when somebody else logs in with the device of the administrator',
      async () => {
        await db('userapi_devices').where({ access_token: 'ADMIN2' }).delete();
        await addDevice(db, { accessToken: 'ADMIN2', localpart: 'admin' });
      },
      async () => {},
    ],
    [
      'when the administrator is none any more',
      () => db('userapi_accounts').where({ localpart: 'admin' }).update({ account_type: 1 }),
      () => db('userapi_accounts').where({ localpart: 'admin' }).update({ account_type: 3 }),
    ],
    [
      'when the user becomes an administrator',
      () => db('userapi_accounts').where({ localpart: 'bob' }).update({ account_type: 3 }),
      () => db('userapi_accounts').where({ localpart: 'bob' }).update({ account_type: 1 }),
    ],
  ];
  it.each(ends)('ends %s', async (_when, end, undo) => {
    const token = await tokenOf({ valid_until_ms: Date.now() + 60_000 });
    expect(await whois(token)).toBe(200);
    await end();
    await expect.poll(() => whois(token), { timeout: 5_000, interval: 200 }).toBe(401);
    await sweep();
    expect(await isThere(token)).toBe(false);
    await undo();
    await forget();
  });

  it('ends with all other logins when the user is logged out everywhere', async () => {
    const token = await tokenOf();
    const { resetPassword } = plugin.admin.operations;
    const caller = { actor: { kind: 'system', name: 'test' } } as const;
    await resetPassword({ userId: BOB, password: 'long-enough', logoutDevices: true }, caller);
    expect(await whois(token)).toBe(401);
    await sweep();
    expect(await db('matrix_admin.admin_logins')).toEqual([]);
    await addDevice(db, { accessToken: USERS.bob.access_token, localpart: 'bob' });
  });

  it('ends without a device list update if its device has no keys, and with an update if it has keys', async () => {
    const [quiet, known] = [await tokenOf(), await tokenOf()];
    const row = { user_id: BOB, ts_added_secs: 1, stream_id: 900, display_name: '' };
    await db('keyserver_device_keys').insert({ ...row, device_id: await deviceOf(known), key_json: '{}' });
    const changes = async (): Promise<unknown> => db('keyserver_key_changes').where({ user_id: BOB }).first();
    const before = await changes();
    await db('matrix_admin.admin_logins')
      .where({ device_id: await deviceOf(quiet) })
      .update({ valid_until: new Date(0) });
    await sweep();
    expect(await changes()).toEqual(before);
    await db('matrix_admin.admin_logins').update({ valid_until: new Date(0) });
    await sweep();
    expect(await changes()).not.toEqual(before);
    expect([await isThere(quiet), await isThere(known)]).toEqual([false, false]);
    expect(await db('keyserver_device_keys').where({ stream_id: 900 })).toEqual([]);
  });

  it('is removed only once, even by several processes', async () => {
    const tokens = [await tokenOf(), await tokenOf(), await tokenOf()];
    await db('matrix_admin.admin_logins').update({ valid_until: new Date(0) });
    const ended: string[] = [];
    const settings = { db, localServerNames: [], ended: (userId: UserId): void => void ended.push(userId) };
    await Promise.all(Array.from({ length: 4 }, () => endAdminLogins(settings)));
    expect(ended).toEqual([BOB, BOB, BOB]);
    for (const token of tokens) expect(await isThere(token)).toBe(false);
  });

  it('is removed by the worker', async () => {
    const token = await tokenOf();
    await db('matrix_admin.admin_logins').update({ valid_until: new Date(0) });
    // A worker removes ended logins when it starts.
    const other = await mountPlugin({ database: plugin.database });
    await expect.poll(() => isThere(token), { timeout: 10_000 }).toBe(false);
    await other.close();
  });
});

describe('nobody logs in', () => {
  it.each<[string, string, object, string, number, string]>([
    ['as an administrator', `@root:${SERVER_NAME}`, {}, 'ADMIN2', 403, 'M_FORBIDDEN'],
    ['as oneself', USERS.admin.user_id, {}, 'ADMIN2', 400, 'M_INVALID_PARAM'],
    ['as a deactivated user', `@gone:${SERVER_NAME}`, {}, 'ADMIN2', 404, 'M_NOT_FOUND'],
    ['as a user that there is not', `@nobody:${SERVER_NAME}`, {}, 'ADMIN2', 404, 'M_NOT_FOUND'],
    ['as a remote user', '@x:remote.example', {}, 'ADMIN2', 400, 'M_INVALID_PARAM'],
    ['until a time that is over', BOB, { valid_until_ms: 1 }, 'ADMIN2', 400, 'M_INVALID_PARAM'],
    ['until no time', BOB, { valid_until_ms: 'x' }, 'ADMIN2', 400, 'M_INVALID_PARAM'],
    ['until the end of time', BOB, { valid_until_ms: 2 ** 53 - 1 }, 'ADMIN2', 400, 'M_INVALID_PARAM'],
    ['with an unknown key', BOB, { valid_until: 5 }, 'ADMIN2', 400, 'M_INVALID_PARAM'],
    ['without being an administrator', BOB, {}, USERS.alice.access_token, 403, 'M_FORBIDDEN'],
    ['without an access token', BOB, {}, 'nobody', 401, 'M_UNKNOWN_TOKEN'],
  ])('%s', async (_title, userId, body, token, status, errcode) => {
    const devices = await db('userapi_devices').count({ n: '*' }).first();
    const answer = await login(userId, body, token);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
    expect(await db('userapi_devices').count({ n: '*' }).first()).toEqual(devices);
    expect(await db('matrix_admin.admin_logins')).toEqual([]);
  });

  it('if a hook refuses', async () => {
    const off = plugin.admin.hooks.before('loginAsUser', { name: 'test' }, () => deny('M_FORBIDDEN', 'not bob'));
    const answer = await login();
    expect([answer.status, jsonOf(answer).error]).toEqual([403, 'not bob']);
    off();
  });

  it('without an end time if code of the homeserver calls, which has no access token', async () => {
    const { loginAsUser } = plugin.admin.operations;
    const system = { actor: { kind: 'system', name: 'support' } } as const;
    await expect(loginAsUser({ userId: BOB }, system)).rejects.toMatchObject({ errcode: 'M_MISSING_PARAM' });
    const { accessToken } = await loginAsUser({ userId: BOB, validUntilMs: Date.now() + 60_000 }, system);
    expect(await whois(accessToken)).toBe(200);
    await sweep();
    expect(await isThere(accessToken)).toBe(true);
    expect(await db('matrix_admin.admin_logins').pluck('admin')).toEqual(['system:support']);
  });

  it('unless it is switched on', async () => {
    const other = await mountPlugin({ database: plugin.database });
    const answer = await other.request(pathOf(BOB), { method: 'POST', headers: bearer('ADMIN2'), body: '{}' });
    expect([answer.status, jsonOf(answer)]).toMatchObject([
      403,
      { errcode: 'M_FORBIDDEN', error: expect.stringContaining('allowLoginAs') },
    ]);
    await other.close();
  });
});

it('is in the audit, and its token is only in the answer', async () => {
  const token = await tokenOf();
  expect(await db('matrix_admin.audit').orderBy('id', 'desc').first()).toMatchObject({
    operation: 'loginAsUser',
    actor: USERS.admin.user_id,
    target: BOB,
    outcome: 'ok',
  });
  const tables: string[] = await db('information_schema.tables')
    .where({ table_schema: 'matrix_admin' })
    .pluck('table_name');
  const kept = await Promise.all(tables.map((table) => db(`matrix_admin.${table}`)));
  const said = JSON.stringify(kept) + plugin.logger.text() + (await plugin.registry.metrics());
  expect(said).toContain('loginAsUser');
  expect(said).not.toContain(token);
});
