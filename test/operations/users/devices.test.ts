import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAccount, addDevice, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';
import { deviceKeys, deviceSigner } from '../../support/remote-devices.ts';
import { isSomebodyWaiting } from '../../support/search-plugin.ts';

const BOB = USERS.bob.user_id;
const SHARING = 'localhost:28448';

let plugin: MountedPlugin;
let db: Knex;
const told: string[] = [];
const woken: string[] = [];
beforeAll(async () => {
  plugin = await mountPlugin({
    host: {
      federation: { wake: (servers) => void woken.push(...servers) },
      caches: { dropRooms: () => {}, dropUsers: (users) => void told.push(...users) },
    },
  });
  ({ db } = plugin.database);
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
  for (const token of ['SECOND', 'THIRD', 'FOURTH']) await addDevice(db, { accessToken: token, localpart: 'bob' });
});
afterAll(() => plugin.close());

const pathOf = (userId: string, rest: string): string =>
  `/_synapse/admin/v2/users/${encodeURIComponent(userId)}/${rest}`;
const send = (method: string, userId: string, rest: string, body?: object): Promise<Answer> =>
  plugin.asAdmin(pathOf(userId, rest), { method, ...(body && { body: JSON.stringify(body) }) });
const devicesOf = async (localpart: string): Promise<string[]> =>
  db('public.userapi_devices').where({ localpart }).orderBy('device_id').pluck('device_id');
const device = (accessToken: string): string => `devices/of%20${accessToken}`;
const queued = async (): Promise<Record<string, unknown>[]> => {
  const rows = await db('public.federationsender_queue_edus AS e')
    .join('public.federationsender_queue_json AS j', 'j.json_nid', 'e.json_nid')
    .where({ edu_type: 'm.device_list_update', server_name: SHARING })
    .orderBy('j.json_nid');
  return rows.map(({ json_body: json }) => {
    const { edu_type: type, origin, content } = JSON.parse(json);
    // The EDU has the format in which servers send it. Servers ignore an EDU without a type.
    expect([type, origin]).toEqual(['m.device_list_update', 'localhost:18448']);
    return content;
  });
};

describe('devices of a user', () => {
  it('are listed as Synapse lists them, without their tokens', async () => {
    await db('public.userapi_devices')
      .where('access_token', 'SECOND')
      .update({ display_name: 'My second', ip: '127.0.0.1:50123', user_agent: 'recorder/1.0', last_seen_ts: 5 });
    const answer = await send('GET', BOB, 'devices');
    const second = {
      user_id: BOB,
      device_id: 'of SECOND',
      display_name: 'My second',
      last_seen_user_agent: 'recorder/1.0',
      last_seen_ts: 5,
      last_seen_ip: '127.0.0.1',
    };
    const third = {
      user_id: BOB,
      device_id: 'of THIRD',
      display_name: null,
      last_seen_user_agent: null,
      last_seen_ts: 1,
      last_seen_ip: null,
    };
    expect(answer.status).toBe(200);
    expect(jsonOf(answer)).toMatchObject({ total: 5 });
    expect(jsonOf(answer).devices).toEqual(expect.arrayContaining([second, third]));
    expect(answer.text).not.toContain(USERS.bob.access_token);
    expect(jsonOf(await send('GET', BOB, device('SECOND')))).toEqual(second);
    expect(jsonOf(await send('GET', '@gone:localhost:18448', 'devices'))).toEqual({ devices: [], total: 0 });
  });

  it.each<[string, string, number, string]>([
    ['an unknown user', '@nobody:localhost:18448', 404, 'M_NOT_FOUND'],
    ['a user in other letters', '@BOB:localhost:18448', 404, 'M_NOT_FOUND'],
    ['a user of another server', '@x:remote.example', 400, 'M_INVALID_PARAM'],
    ['a bare localpart', 'bob', 400, 'M_INVALID_PARAM'],
    ['a user id without a server', '@bob', 400, 'M_INVALID_PARAM'],
    ['a room id', '!x:localhost:18448', 400, 'M_INVALID_PARAM'],
  ])('of %s are refused by all routes', async (_title, userId, status, errcode) => {
    for (const [method, rest, body] of [
      ['GET', 'devices', undefined],
      ['GET', 'devices/SECOND', undefined],
      ['PUT', 'devices/SECOND', { display_name: 'x' }],
      ['DELETE', 'devices/SECOND', undefined],
      ['POST', 'delete_devices', { devices: ['SECOND'] }],
    ] as const) {
      const answer = await send(method, userId, rest, body);
      expect([answer.status, jsonOf(answer).errcode], `${method} ${rest}`).toEqual([status, errcode]);
    }
  });

  it.each<[string, string, object | undefined, number, string]>([
    ['GET', 'devices/NOPE', undefined, 404, 'M_NOT_FOUND'],
    ['PUT', 'devices/NOPE', { display_name: 'x' }, 404, 'M_NOT_FOUND'],
    ['PUT', 'devices/NOPE', {}, 404, 'M_NOT_FOUND'],
    ['PUT', device('SECOND'), { display_name: 5 }, 400, 'M_INVALID_PARAM'],
    ['PUT', device('SECOND'), { display_name: 'x'.repeat(101) }, 400, 'M_TOO_LARGE'],
    ['POST', 'delete_devices', undefined, 400, 'M_MISSING_PARAM'],
    ['POST', 'delete_devices', {}, 400, 'M_MISSING_PARAM'],
    ['POST', 'delete_devices', { devices: 'of THIRD' }, 400, 'M_INVALID_PARAM'],
    ['POST', 'delete_devices', { devices: [5] }, 400, 'M_INVALID_PARAM'],
    ['DELETE', 'delete_devices', { devices: ['of THIRD'] }, 405, 'M_UNRECOGNIZED'],
  ])('%s %s with %j changes nothing', async (method, rest, body, status, errcode) => {
    const answer = await send(method, BOB, rest, body);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
    expect(await devicesOf('bob')).toHaveLength(5);
    expect(jsonOf(await send('GET', BOB, device('SECOND'))).display_name).toBe('My second');
  });

  it("are only for administrators, even a user's own devices", async () => {
    for (const [token, status] of [
      [USERS.bob.access_token, 403],
      ['nobody', 401],
    ] as const) {
      for (const [method, rest] of [
        ['GET', 'devices'],
        ['DELETE', device('SECOND')],
        ['POST', 'delete_devices'],
      ] as const) {
        expect((await plugin.request(pathOf(BOB, rest), { method, headers: bearer(token) })).status).toBe(status);
      }
    }
  });

  it('are renamed, and users who encrypt for them are informed', async () => {
    const keys = JSON.stringify(deviceKeys(BOB, 'of SECOND', deviceSigner('of SECOND')));
    const row = { user_id: BOB, ts_added_secs: 1, display_name: '' };
    await db('public.keyserver_device_keys').insert([
      { ...row, device_id: 'of SECOND', key_json: keys, stream_id: 8 },
      { ...row, device_id: 'of THIRD', key_json: '', stream_id: 9 },
    ]);
    const changed = await changesOf(db, async () => {
      const name = '𝄞'.repeat(100);
      const answer = await send('PUT', BOB, device('SECOND'), { display_name: name });
      expect([answer.status, jsonOf(answer)]).toEqual([200, {}]);
      expect(jsonOf(await send('GET', BOB, device('SECOND'))).display_name).toBe(name);
      expect((await send('PUT', BOB, device('SECOND'), {})).status).toBe(200);
      expect(await queued()).toEqual([
        {
          user_id: BOB,
          device_id: 'of SECOND',
          device_display_name: name,
          stream_id: 10,
          prev_id: [9],
          keys: JSON.parse(keys),
        },
      ]);
    });
    expect(Object.keys(changed).sort()).toEqual([
      'federationsender_queue_edus',
      'federationsender_queue_json',
      'keyserver_device_keys',
      'keyserver_key_changes',
      'userapi_devices',
    ]);
    expect(woken).toEqual([SHARING]);
    expect(told).toEqual([BOB]);
    // Nobody encrypts for a device without keys, so other users get no update.
    const unencrypted = await changesOf(db, () => send('PUT', BOB, device('THIRD'), { display_name: '' }));
    expect(Object.keys(unencrypted)).toEqual(['userapi_devices']);
  });

  it('are deleted with all their data, and only if named', async () => {
    await db('public.syncapi_send_to_device').insert({ user_id: BOB, device_id: 'of SECOND', content: '{}' });
    const tried = await changesOf(db, async () => {
      const body = { devices: ['of THIRD', 'NOPE'], dry_run: true };
      expect(jsonOf(await send('POST', BOB, 'delete_devices', body))).toEqual({ deleted: ['of THIRD'], dry_run: true });
      const one = { deleted: ['of SECOND'], dry_run: true };
      expect(jsonOf(await send('DELETE', BOB, device('SECOND'), { dry_run: true }))).toEqual(one);
      expect((await send('POST', BOB, 'delete_devices', { devices: [] })).text).toBe('{}');
      expect((await send('DELETE', BOB, 'devices/NOPE')).text).toBe('{}');
    });
    expect(tried).toEqual({});
    const before = (await queued()).length;
    for (const time of ['once', 'again']) {
      expect((await send('DELETE', BOB, device('SECOND'))).text, time).toBe('{}');
      expect((await send('POST', BOB, 'delete_devices', { devices: ['of THIRD', 'NOPE'] })).text, time).toBe('{}');
    }
    expect(await devicesOf('bob')).toEqual([USERS.bob.device_id, 'of FOURTH', 'IBeG7ZUO'].sort());
    for (const table of ['keyserver_device_keys', 'syncapi_send_to_device']) {
      const owned = await db(`public.${table}`).where('user_id', BOB).pluck('device_id');
      expect(owned, table).not.toEqual(expect.arrayContaining(['of SECOND']));
    }
    expect((await queued()).slice(before)).toMatchObject([
      { device_id: 'of SECOND', deleted: true, stream_id: 11 },
      { device_id: 'of THIRD', deleted: true },
    ]);
    expect((await plugin.request('/_dendrite/admin/jobs', { headers: bearer('THIRD') })).status).toBe(401);
    expect((await plugin.request('/_dendrite/admin/jobs', { headers: bearer('FOURTH') })).status).toBe(403);
  });

  it('are created once, and nobody learns their tokens', async () => {
    const made = await changesOf(db, async () => {
      for (const time of ['once', 'again']) {
        const answer = await send('POST', BOB, 'devices', { device_id: 'MADE' });
        expect([answer.status, answer.text], time).toEqual([201, '{}']);
      }
    });
    expect(Object.keys(made).sort()).toEqual(['keyserver_device_keys', 'userapi_devices']);
    expect(made.userapi_devices?.added).toMatchObject([
      { device_id: 'MADE', access_token: expect.stringMatching(/^[\w-]{43}$/), ip: '' },
    ]);
    expect(jsonOf(await send('GET', BOB, 'devices/MADE'))).toMatchObject({ display_name: null, last_seen_ip: null });
    const unchanged = await changesOf(db, () => send('POST', BOB, 'devices', { device_id: USERS.bob.device_id }));
    expect(unchanged).toEqual({});
    await send('DELETE', BOB, 'devices/MADE');
  });

  it.each<[string, object | undefined, number, string]>([
    [BOB, undefined, 400, 'M_MISSING_PARAM'],
    [BOB, { device_id: '' }, 400, 'M_INVALID_PARAM'],
    [BOB, { device_id: 5 }, 400, 'M_INVALID_PARAM'],
    [BOB, { device_id: 'x'.repeat(256) }, 400, 'M_INVALID_PARAM'],
    ['@nobody:localhost:18448', { device_id: 'x' }, 404, 'M_NOT_FOUND'],
    ['@gone:localhost:18448', { device_id: 'x' }, 400, 'M_BAD_STATE'],
    ['@x:remote.example', { device_id: 'x' }, 400, 'M_INVALID_PARAM'],
  ])('are not created for %s with %j', async (userId, body, status, errcode) => {
    const answer = await send('POST', userId, 'devices', body);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
  });

  it('leave no token in logs or the audit', async () => {
    const { rows } = await db.raw('SELECT a::text AS row FROM matrix_admin.audit a');
    const said = JSON.stringify([rows, plugin.logger.lines]);
    expect(said).toContain('deleteDevices');
    expect(said).not.toContain(USERS.bob.access_token);
  });
});

describe('changes of the devices of one user', () => {
  it.each([
    ['a deletion', 'DELETE', undefined],
    ['a change of name', 'PUT', { display_name: 'New' }],
  ])(
    "take turns: %s waits for the account's lock, and locks no device in the meantime",
    async (_case, method, body) => {
      await addDevice(db, { accessToken: 'WAITED', localpart: 'bob' });
      const blocker = await db.transaction();
      await blocker('public.userapi_accounts').where({ localpart: 'bob' }).forUpdate();
      const sent = send(method, BOB, device('WAITED'), body);
      await expect.poll(() => isSomebodyWaiting(db)).toBe(true);
      await blocker('public.userapi_devices').where({ localpart: 'bob' }).forUpdate();
      await blocker.rollback();
      expect((await sent).status).toBe(200);
      await db('public.userapi_devices').where('access_token', 'WAITED').delete();
    },
  );
});
