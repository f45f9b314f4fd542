import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Answer,
  type FixtureHomeserver,
  fixture,
  redactPath,
  request,
  sendPath,
  startFixtureHomeserver,
} from './fixture-homeserver.ts';

let server: FixtureHomeserver;
beforeAll(async () => {
  server = await startFixtureHomeserver({ accounts: { accounts: { allowLoginAs: true } } });
});
afterAll(() => server.stop());

const { alice, bob } = fixture.users;
const MESSAGE = { msgtype: 'm.text', body: 'hello' };
const set = (kind: 'lock' | 'suspend', userId: string, body: unknown): Promise<Answer> =>
  server.call('admin', 'PUT', `/_matrix/client/v1/admin/${kind}/${userId}`, body);

test('a locked user can neither log in nor do anything, and continues when the lock is lifted', async () => {
  const attempts = (): Promise<Answer>[] => [
    server.call(undefined, 'POST', '/_matrix/client/v3/login', {
      type: 'm.login.password',
      user: 'alice',
      password: alice.password,
    }),
    server.call('alice', 'GET', '/_matrix/client/v3/account/whoami'),
    server.call('alice', 'PUT', sendPath('v10'), MESSAGE),
  ];
  expect((await set('lock', alice.user_id, { locked: true })).status).toBe(200);
  for (const { status, body } of await Promise.all(attempts())) {
    expect([status, body]).toMatchObject([401, { errcode: 'M_USER_LOCKED', soft_logout: true }]);
  }
  const wrong = { type: 'm.login.password', user: 'alice', password: 'wrong' };
  expect((await server.call(undefined, 'POST', '/_matrix/client/v3/login', wrong)).body.errcode).toBe('M_FORBIDDEN');
  await set('lock', alice.user_id, { locked: false });
  for (const { status } of await Promise.all(attempts())) expect(status).toBe(200);
});

test('a suspended user can read and redact, but not send', async () => {
  const own = await server.call('bob', 'PUT', sendPath('v10'), MESSAGE);
  const others = await server.call('alice', 'PUT', sendPath('v10'), MESSAGE);
  expect([own.status, others.status]).toEqual([200, 200]);
  await set('suspend', bob.user_id, { suspended: true });
  for (const { status, body } of [
    await server.call('bob', 'PUT', sendPath('v10'), MESSAGE),
    await server.call('bob', 'PUT', redactPath('v10', others.body.event_id), {}),
  ]) {
    expect([status, body.errcode]).toEqual([403, 'M_USER_SUSPENDED']);
  }
  expect((await server.call('bob', 'GET', '/_matrix/client/v3/account/whoami')).status).toBe(200);
  expect((await server.call('bob', 'PUT', redactPath('v10', own.body.event_id), {})).status).toBe(200);
  await set('suspend', bob.user_id, { suspended: false });
  expect((await server.call('bob', 'PUT', sendPath('v10'), MESSAGE)).status).toBe(200);
});

test('a message of a shadow-banned user is acknowledged, but reaches nobody', async () => {
  const ban = (method: string): Promise<Answer> =>
    server.call('admin', method, `/_synapse/admin/v1/users/${bob.user_id}/shadow_ban`);
  const stored = async (eventId: unknown): Promise<number> =>
    (await server.homeserver.db('syncapi_output_room_events').where({ event_id: eventId })).length;
  const path = sendPath('v10');
  await ban('POST');
  const sent = [await server.call('bob', 'PUT', path, MESSAGE), await server.call('bob', 'PUT', path, MESSAGE)];
  const [first, again] = sent.map(({ status, body }) => [status, body.event_id]);
  expect(first).toEqual([200, expect.stringMatching(/^\$[\w-]{43}$/)]);
  expect(again).toEqual(first);
  expect(await stored(first?.[1])).toBe(0);
  await ban('DELETE');
  const heard = await server.call('bob', 'PUT', sendPath('v10'), MESSAGE);
  expect([heard.status, await stored(heard.body.event_id)]).toEqual([200, 1]);
});

test('an administrator who is logged in as a user can do what the user can, until the login ends', async () => {
  const path = `/_synapse/admin/v1/users/${bob.user_id}/login`;
  const until = Date.now() + 2_000;
  const { body } = await server.call('admin', 'POST', path, { valid_until_ms: until });
  const whoami = (): Promise<Answer> =>
    request(new URL('/_matrix/client/v3/account/whoami', server.origin), {
      headers: { authorization: `Bearer ${body.access_token}` },
    });
  expect((await whoami()).body).toMatchObject({ user_id: bob.user_id });
  await expect.poll(() => Date.now(), { timeout: 4_000 }).toBeGreaterThan(until);
  const { status, body: refusal } = await whoami();
  expect([status, refusal.errcode]).toEqual([401, 'M_UNKNOWN_TOKEN']);
});

test('administrators see the capability', async () => {
  const capabilities = async (user: 'admin' | 'alice'): Promise<unknown> =>
    (await server.call(user, 'GET', '/_matrix/client/v3/capabilities')).body;
  expect(await capabilities('admin')).toMatchObject({
    capabilities: { 'm.account_moderation': { suspend: true, lock: true } },
  });
  expect(await capabilities('alice')).not.toHaveProperty(['capabilities', 'm.account_moderation']);
});
