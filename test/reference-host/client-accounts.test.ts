import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Answer,
  type FixtureHomeserver,
  fixture,
  request,
  roomNamed,
  sendPath,
  startFixtureHomeserver,
} from './fixture-homeserver.ts';

let server: FixtureHomeserver;
beforeAll(async () => {
  server = await startFixtureHomeserver({ accounts: { registration: { requiresToken: true } } });
});
afterAll(() => server.stop());

const { alice, bob } = fixture.users;
const V3 = '/_matrix/client/v3';
const own = (path: string): string => `${V3}/user/${alice.user_id}${path}`;
const withToken = (token: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  request(new URL(path, server.origin), {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

async function logIn(user: keyof typeof fixture.users): Promise<{ token: string; deviceId: string }> {
  const identifier = { type: 'm.id.user', user };
  const { password } = fixture.users[user];
  const { body } = await server.call(undefined, 'POST', `${V3}/login`, {
    type: 'm.login.password',
    identifier,
    password,
  });
  return { token: body.access_token, deviceId: body.device_id };
}

test('clients find the homeserver', async () => {
  const { status, body } = await server.call(undefined, 'GET', '/.well-known/matrix/client');
  expect([status, body]).toEqual([200, { 'm.homeserver': { base_url: server.origin } }]);
});

describe('logging out', () => {
  test('ends one session, or all', async () => {
    const [first, second, third] = [await logIn('carol'), await logIn('carol'), await logIn('carol')];
    const statusOf = async ({ token }: { token: string }): Promise<number> =>
      (await withToken(token, 'GET', `${V3}/account/whoami`)).status;
    expect((await withToken(first.token, 'POST', `${V3}/logout`)).body).toEqual({});
    expect([await statusOf(first), await statusOf(second), await statusOf(third)]).toEqual([401, 200, 200]);
    expect((await withToken(second.token, 'POST', `${V3}/logout/all`)).body).toEqual({});
    expect([await statusOf(second), await statusOf(third)]).toEqual([401, 401]);
    expect((await withToken(first.token, 'POST', `${V3}/logout`)).body.errcode).toBe('M_UNKNOWN_TOKEN');
  });

  test('works for a locked user', async () => {
    const { token } = await logIn('dave');
    const lock = (locked: boolean): Promise<Answer> =>
      server.call('admin', 'PUT', `/_matrix/client/v1/admin/lock/${fixture.users.dave.user_id}`, { locked });
    await lock(true);
    expect((await withToken(token, 'GET', `${V3}/devices`)).body.errcode).toBe('M_USER_LOCKED');
    expect((await withToken(token, 'POST', `${V3}/logout`)).status).toBe(200);
    await lock(false);
    expect((await withToken(token, 'GET', `${V3}/devices`)).body.errcode).toBe('M_UNKNOWN_TOKEN');
  });
});

test('devices are listed and renamed', async () => {
  const { token, deviceId } = await logIn('bob');
  const listed = await withToken(token, 'GET', `${V3}/devices`);
  expect(listed.body.devices).toContainEqual({
    device_id: deviceId,
    last_seen_ip: '127.0.0.1',
    last_seen_ts: expect.any(Number),
  });
  const path = `${V3}/devices/${deviceId}`;
  expect((await server.call('bob', 'PUT', path, { display_name: 'Laptop' })).status).toBe(200);
  expect((await server.call('bob', 'GET', path)).body).toMatchObject({ device_id: deviceId, display_name: 'Laptop' });
  expect((await server.call('bob', 'GET', `${V3}/devices/NONE`)).status).toBe(404);
});

describe('registration', () => {
  const register = (body: Record<string, unknown>): Promise<Answer> =>
    server.call(undefined, 'POST', `${V3}/register`, body);
  const auth = { type: 'm.login.registration_token', token: 'one-use', session: 'x' };

  test('needs a token of an administrator, which is used up', async () => {
    await server.call('admin', 'POST', '/_synapse/admin/v1/registration_tokens/new', {
      token: 'one-use',
      uses_allowed: 1,
    });
    const asked = await register({ username: 'grace', password: 'correct horse' });
    expect([asked.status, asked.body.flows]).toEqual([401, [{ stages: ['m.login.registration_token'] }]]);
    expect((await register({ username: 'alice', password: 'correct horse', auth })).body.errcode).toBe('M_USER_IN_USE');
    const { status, body } = await register({ username: 'grace', password: 'correct horse', auth });
    expect([status, body.user_id]).toEqual([200, `@grace:${fixture.server_name}`]);
    expect((await withToken(body.access_token, 'GET', `${V3}/account/whoami`)).body.device_id).toBe(body.device_id);
    expect((await register({ username: 'heidi', password: 'correct horse', auth })).body.errcode).toBe('M_FORBIDDEN');
  });
});

describe('profiles', () => {
  const profile = `${V3}/profile/${alice.user_id}`;
  /** Returns the profile in alice's member event of a room. */
  const shown = async (): Promise<unknown> => {
    const path = `/_synapse/admin/v1/rooms/${encodeURIComponent(roomNamed('v10'))}/state?type=m.room.member`;
    const { state } = (await server.call('admin', 'GET', path)).body;
    return state.find((event: { state_key: string }) => event.state_key === alice.user_id)?.content;
  };

  test('are shown to everybody, and in the rooms of the user', async () => {
    expect((await server.call(undefined, 'GET', profile)).body).toEqual({ displayname: 'Alice' });
    expect((await server.call('alice', 'PUT', `${profile}/displayname`, { displayname: 'Alice A.' })).status).toBe(200);
    await server.call('alice', 'PUT', `${profile}/avatar_url`, { avatar_url: 'mxc://localhost/alice' });
    expect((await server.call(undefined, 'GET', `${profile}/displayname`)).body).toEqual({ displayname: 'Alice A.' });
    const changed = { displayname: 'Alice A.', avatar_url: 'mxc://localhost/alice' };
    expect((await server.call(undefined, 'GET', profile)).body).toEqual(changed);
    expect(await shown()).toEqual({ membership: 'join', ...changed });
    await server.call('alice', 'PUT', `${profile}/avatar_url`, { avatar_url: null });
    expect((await server.call(undefined, 'GET', `${profile}/avatar_url`)).body).toEqual({});
  });

  test('that an administrator changes are shown in the rooms, too', async () => {
    const path = `/_synapse/admin/v2/users/${alice.user_id}`;
    await server.call('admin', 'PUT', path, { displayname: 'Alice B.' });
    await expect.poll(shown).toEqual({ membership: 'join', displayname: 'Alice B.' });
    await server.call('alice', 'PUT', `${profile}/displayname`, { displayname: 'Alice A.' });
  });

  test('belong to their users', async () => {
    const { status, body } = await server.call('bob', 'PUT', `${profile}/displayname`, { displayname: 'Mallory' });
    expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN']);
    expect((await server.call(undefined, 'GET', `${V3}/profile/@nobody:${fixture.server_name}`)).status).toBe(404);
  });

  test('of suspended users stay, and those of shadow-banned users reach nobody', async () => {
    const suspend = (suspended: boolean): Promise<Answer> =>
      server.call('admin', 'PUT', `/_matrix/client/v1/admin/suspend/${alice.user_id}`, { suspended });
    await suspend(true);
    const refused = await server.call('alice', 'PUT', `${profile}/displayname`, { displayname: 'Spam' });
    expect(refused.body.errcode).toBe('M_USER_SUSPENDED');
    await suspend(false);
    const ban = `/_synapse/admin/v1/users/${alice.user_id}/shadow_ban`;
    await server.call('admin', 'POST', ban);
    expect((await server.call('alice', 'PUT', `${profile}/displayname`, { displayname: 'Spam' })).status).toBe(200);
    await server.call('admin', 'DELETE', ban);
    expect(await shown()).toMatchObject({ displayname: 'Alice A.' });
  });
});

describe('account data', () => {
  const inRoom = own(`/rooms/${encodeURIComponent(roomNamed('v10'))}`);

  test('is kept for the account and for rooms', async () => {
    for (const path of [own('/account_data/org.example.colour'), `${inRoom}/account_data/org.example.colour`]) {
      expect((await server.call('alice', 'GET', path)).body.errcode).toBe('M_NOT_FOUND');
      expect((await server.call('alice', 'PUT', path, { at: path })).status).toBe(200);
      expect((await server.call('alice', 'GET', path)).body).toEqual({ at: path });
      expect((await server.call('bob', 'GET', path)).status).toBe(403);
    }
    expect((await server.call('alice', 'PUT', own('/account_data/m.push_rules'), {})).status).toBe(405);
  });

  test('has the tags of rooms', async () => {
    expect((await server.call('alice', 'GET', `${inRoom}/tags`)).body).toEqual({ tags: {} });
    await server.call('alice', 'PUT', `${inRoom}/tags/u.work`, { order: 0.5 });
    await server.call('alice', 'PUT', `${inRoom}/tags/m.favourite`, {});
    await server.call('alice', 'DELETE', `${inRoom}/tags/m.favourite`);
    expect((await server.call('alice', 'GET', `${inRoom}/tags`)).body).toEqual({ tags: { 'u.work': { order: 0.5 } } });
  });

  test('has push rules', async () => {
    const { body } = await server.call('bob', 'GET', `${V3}/pushrules/`);
    expect(body.global.override).toContainEqual(expect.objectContaining({ rule_id: '.m.rule.master' }));
    expect((await server.call('bob', 'GET', `${V3}/pushrules/global/`)).body).toEqual(body.global);
  });
});

test('filters are stored', async () => {
  const filter = { room: { timeline: { limit: 10 } } };
  const { body } = await server.call('alice', 'POST', own('/filter'), filter);
  expect((await server.call('alice', 'POST', own('/filter'), filter)).body).toEqual(body);
  expect((await server.call('alice', 'GET', own(`/filter/${body.filter_id}`))).body).toEqual(filter);
  const elsewhere = `${V3}/user/${bob.user_id}/filter/${body.filter_id}`;
  expect((await server.call('bob', 'GET', elsewhere)).body.errcode).toBe('M_NOT_FOUND');
});

test('an administrator limits the messages of a user', async () => {
  const path = `/_synapse/admin/v1/users/${bob.user_id}/override_ratelimit`;
  const send = (): Promise<Answer> => server.call('bob', 'PUT', sendPath('v10'), { msgtype: 'm.text', body: 'hello' });
  await server.call('admin', 'POST', path, { messages_per_second: 1, burst_count: 2 });
  expect([(await send()).status, (await send()).status]).toEqual([200, 200]);
  const { status, body } = await send();
  expect([status, body.errcode]).toEqual([429, 'M_LIMIT_EXCEEDED']);
  expect(body.retry_after_ms).toBeGreaterThan(0);
  expect(body.retry_after_ms).toBeLessThanOrEqual(1_000);
  await server.call('admin', 'POST', path, { messages_per_second: 0, burst_count: 0 });
  expect((await send()).status).toBe(200);
  await server.call('admin', 'DELETE', path);
});

describe('encryption', () => {
  test('keys are uploaded, queried and claimed once', async () => {
    const { token, deviceId } = await logIn('carol');
    const { user_id: carol } = fixture.users.carol;
    const post = (path: string, body: unknown): Promise<Answer> => withToken(token, 'POST', `${V3}${path}`, body);
    const keys = { user_id: carol, device_id: deviceId, algorithms: ['m.olm.v1'], keys: {}, signatures: {} };
    const oneTime = { 'signed_curve25519:A': { key: 'a' }, 'signed_curve25519:B': { key: 'b' } };
    const fallback = { 'signed_curve25519:F': { key: 'f', fallback: true } };
    const upload = { device_keys: keys, one_time_keys: oneTime, fallback_keys: fallback };
    expect((await post('/keys/upload', upload)).body).toEqual({ one_time_key_counts: { signed_curve25519: 2 } });
    const foreign = await post('/keys/upload', { device_keys: { ...keys, device_id: 'OTHER' } });
    expect(foreign.body.errcode).toBe('M_INVALID_PARAM');
    const queried = await server.call('alice', 'POST', `${V3}/keys/query`, { device_keys: { [carol]: [] } });
    expect(queried.body.device_keys[carol][deviceId]).toEqual(keys);
    const claim = async (): Promise<unknown> => {
      const body = { one_time_keys: { [carol]: { [deviceId]: 'signed_curve25519' } } };
      return (await server.call('alice', 'POST', `${V3}/keys/claim`, body)).body.one_time_keys[carol][deviceId];
    };
    expect([await claim(), await claim()]).toEqual([
      { 'signed_curve25519:A': { key: 'a' } },
      { 'signed_curve25519:B': { key: 'b' } },
    ]);
    expect([await claim(), await claim()]).toEqual([fallback, fallback]);
  });

  test('messages to devices wait for them', async () => {
    const { deviceId } = await logIn('carol');
    const { user_id: carol } = fixture.users.carol;
    const remote = '@zoe:elsewhere.example';
    const messages = { [carol]: { [deviceId]: { n: 1 }, NONE: { n: 2 } }, [remote]: { '*': { n: 3 } } };
    const path = `${V3}/sendToDevice/m.room_key_request/1`;
    expect((await server.call('alice', 'PUT', path, { messages })).body).toEqual({});
    const { db } = server.homeserver;
    const waiting = await db('syncapi_send_to_device').where({ user_id: carol });
    const message = { sender: alice.user_id, type: 'm.room_key_request', content: { n: 1 } };
    expect(waiting.map((row) => [row.device_id, JSON.parse(row.content)])).toEqual([[deviceId, message]]);
    const queued = await db('federationsender_queue_edus').where({ server_name: 'elsewhere.example' });
    expect(queued).toMatchObject([{ edu_type: 'm.direct_to_device' }]);
  });
});
