import { compare } from '@node-rs/bcrypt';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAccount, addDevice, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';

const PASSWORD = 'correct horse battery';
const woken: string[] = [];

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({
    host: { federation: { wake: (servers) => void woken.push(...servers) } },
    options: { accounts: { bcryptCost: 4 } },
  });
  ({ db } = plugin.database);
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
});
afterAll(() => plugin.close());

const post = (path: string, body: unknown): Promise<Answer> =>
  plugin.asAdmin(path, { method: 'POST', body: JSON.stringify(body) });
const reset = (userId: string, body: unknown): Promise<Answer> =>
  post(`/_dendrite/admin/resetPassword/${userId}`, body);
const hashOf = async (localpart: string): Promise<string> =>
  (await db('userapi_accounts').where({ localpart }).first()).password_hash;

describe('resetPassword', () => {
  it('changes only the password', async () => {
    const changes = await changesOf(db, async () => {
      const answer = await reset(USERS.alice.user_id, { password: PASSWORD });
      expect([answer.status, jsonOf(answer)]).toEqual([200, { password_updated: true }]);
    });
    expect(Object.keys(changes)).toEqual(['userapi_accounts']);
    expect(await compare(PASSWORD, await hashOf('alice'))).toBe(true);
    expect(await hashOf('alice')).toMatch(/^\$2a\$04\$/);
  });

  it('is refused to an administrator who is demoted before the password is hashed', async () => {
    await addAccount(db, { localpart: 'former', accountType: 3 });
    await addDevice(db, { accessToken: 'token-of-former', localpart: 'former' });
    const off = plugin.admin.hooks.before('resetPassword', { name: 'slow' }, async () => {
      await db('userapi_accounts').where('localpart', 'former').update('account_type', 1);
    });
    const before = await hashOf('alice');
    const answer = await plugin.request(`/_dendrite/admin/resetPassword/${USERS.alice.user_id}`, {
      method: 'POST',
      headers: bearer('token-of-former'),
      body: JSON.stringify({ password: 'another password' }),
    });
    off();
    expect([answer.status, jsonOf(answer).errcode]).toEqual([403, 'M_FORBIDDEN']);
    expect(await hashOf('alice')).toBe(before);
  });

  it("with logout_devices deletes the devices' data, and informs users who share a room", async () => {
    const user = USERS.bob.user_id;
    await db('keyserver_one_time_keys').insert({
      user_id: user,
      device_id: 'shared_secret_registration',
      key_id: 'k',
      algorithm: 'a',
      ts_added_secs: 1,
      key_json: '{}',
    });
    await db('syncapi_send_to_device').insert({
      user_id: user,
      device_id: 'shared_secret_registration',
      content: '{}',
    });
    await db('userapi_login_tokens').insert({ token: 't', token_expires_at: new Date(), user_id: user });
    const { change_id: before } = (await db('keyserver_key_changes').where('user_id', user).first()) ?? {
      change_id: 0,
    };
    expect((await reset(user, { password: PASSWORD, logout_devices: true })).status).toBe(200);
    for (const [table, owner] of [
      ['userapi_devices', { localpart: 'bob' }],
      ['userapi_pushers', { localpart: 'bob' }],
      ['userapi_login_tokens', { user_id: user }],
      ['keyserver_device_keys', { user_id: user }],
      ['keyserver_one_time_keys', { user_id: user }],
      ['keyserver_fallback_keys', { user_id: user }],
      ['syncapi_send_to_device', { user_id: user }],
    ] as const) {
      expect(await db(table).where(owner), table).toEqual([]);
    }
    expect(Number((await db('keyserver_key_changes').where('user_id', user).first()).change_id)).toBeGreaterThan(
      Number(before),
    );
    const queued = await db('federationsender_queue_edus AS e').join(
      'federationsender_queue_json AS j',
      'j.json_nid',
      'e.json_nid',
    );
    const update = { edu_type: 'm.device_list_update', server_name: 'localhost:28448' };
    expect(queued).toMatchObject([update, update]);
    expect(JSON.parse(queued[0].json_body)).toMatchObject({
      edu_type: 'm.device_list_update',
      origin: 'localhost:18448',
      content: { user_id: user, device_id: 'shared_secret_registration', deleted: true },
    });
    expect(woken).toEqual(['localhost:28448']);
    expect(await db('userapi_devices').where({ localpart: 'carol' })).not.toEqual([]);
  });

  it.each<[string, string, unknown, number, string]>([
    ['an unknown user', '@nobody:localhost:18448', { password: PASSWORD }, 404, 'M_NOT_FOUND'],
    ['a user of another server', '@x:elsewhere.example', { password: PASSWORD }, 400, 'M_INVALID_PARAM'],
    ['an invalid user id', 'alice', { password: PASSWORD }, 400, 'M_INVALID_PARAM'],
    ['a deactivated account', '@gone:localhost:18448', { password: PASSWORD }, 403, 'M_FORBIDDEN'],
    ['no password', USERS.carol.user_id, {}, 400, 'M_MISSING_PARAM'],
    ['an empty password', USERS.carol.user_id, { password: '' }, 400, 'M_MISSING_PARAM'],
    ['a short one', USERS.carol.user_id, { password: '1234567' }, 400, 'M_WEAK_PASSWORD'],
    ['one over 72 bytes', USERS.carol.user_id, { password: 'é'.repeat(37) }, 400, 'M_INVALID_PARAM'],
    ['one over 512 bytes', USERS.carol.user_id, { password: 'x'.repeat(513) }, 400, 'M_BAD_JSON'],
    ['a password that is not a text', USERS.carol.user_id, { password: 12_345_678 }, 400, 'M_INVALID_PARAM'],
    [
      'a logout_devices that is not a boolean',
      USERS.carol.user_id,
      { password: PASSWORD, logout_devices: 'yes' },
      400,
      'M_INVALID_PARAM',
    ],
  ])('refuses %s before anything changes', async (_title, userId, body, status, errcode) => {
    const changes = await changesOf(db, async () => {
      const answer = await reset(userId, body);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
    });
    expect(changes).toEqual({});
  });

  it('accepts 72 bytes, and a deactivated account on request', async () => {
    expect((await reset(USERS.carol.user_id, { password: 'é'.repeat(36) })).status).toBe(200);
    expect((await reset('@gone:localhost:18448', { password: PASSWORD, deactivated: true })).status).toBe(200);
  });

  it('at its other path logs out by default', async () => {
    const path = `/_synapse/admin/v1/reset_password/${USERS.carol.user_id}`;
    expect(jsonOf(await post(path, { new_password: PASSWORD, logout_devices: false }))).toEqual({});
    expect(await db('userapi_devices').where({ localpart: 'carol' })).not.toEqual([]);
    expect(jsonOf(await post(path, { new_password: PASSWORD }))).toEqual({});
    expect(await db('userapi_devices').where({ localpart: 'carol' })).toEqual([]);
  });

  it('writes passwords only as hashes', async () => {
    const rows = await db.raw(`SELECT a::text AS row FROM matrix_admin.audit a`);
    const said = JSON.stringify([rows.rows, plugin.logger.lines]);
    expect(said).toContain('resetPassword');
    expect(said).not.toContain(PASSWORD);
  });
});
