import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServerName } from '../../src/ids.ts';
import { createDevice } from '../../src/reference-host/storage/devices.ts';
import { type Answer, type FixtureHomeserver, fixture, startFixtureHomeserver } from './fixture-homeserver.ts';

let server: FixtureHomeserver;
beforeAll(async () => {
  server = await startFixtureHomeserver();
});
afterAll(() => server.stop());

const { alice } = fixture.users;
const LOGIN = '/_matrix/client/v3/login';
const logIn = (body: Record<string, unknown>): Promise<Answer> =>
  server.call(undefined, 'POST', LOGIN, { type: 'm.login.password', password: alice.password, ...body });
const whoami = (token: string): Promise<Answer> =>
  server.call(undefined, 'GET', `/_matrix/client/v3/account/whoami?access_token=${token}`);

describe('login', () => {
  test('offers the password flow, on both versions of the path', async () => {
    for (const version of ['r0', 'v3']) {
      const { status, body } = await server.call(undefined, 'GET', `/_matrix/client/${version}/login`);
      expect([status, body]).toEqual([200, { flows: [{ type: 'm.login.password' }] }]);
    }
  });

  test.each([
    ['a localpart', { identifier: { type: 'm.id.user', user: 'alice' } }],
    ['a localpart in capitals', { identifier: { type: 'm.id.user', user: 'ALICE' } }],
    ['a user id', { identifier: { type: 'm.id.user', user: alice.user_id } }],
    ['the old spelling', { user: 'alice' }],
  ])('accepts %s, and the token works', async (_name, who) => {
    const { status, body } = await logIn(who);
    expect(status).toBe(200);
    expect(body).toEqual({
      user_id: alice.user_id,
      access_token: expect.stringMatching(/^[\w-]{43}$/),
      device_id: expect.stringMatching(/^[\w-]{8}$/),
    });
    expect((await whoami(body.access_token)).body).toEqual({ user_id: alice.user_id, device_id: body.device_id });
  });

  test('replaces only a named device', async () => {
    const other = await logIn({ user: 'alice' });
    const first = await logIn({ user: 'alice', device_id: 'PHONE', initial_device_display_name: 'Phone' });
    const nulls = await logIn({ user: 'alice', device_id: null, initial_device_display_name: null });
    expect(nulls.status).toBe(200);
    const second = await logIn({ user: 'alice', device_id: 'PHONE' });
    expect(second.body.device_id).toBe('PHONE');
    expect((await whoami(first.body.access_token)).body.errcode).toBe('M_UNKNOWN_TOKEN');
    expect((await whoami(second.body.access_token)).status).toBe(200);
    expect((await whoami(other.body.access_token)).status).toBe(200);
  });

  test('creates one device for ten concurrent logins, of which one stays valid', async () => {
    const device = {
      localpart: 'alice',
      serverName: fixture.server_name as ServerName,
      deviceId: 'CROWDED',
      displayName: null,
    };
    const logins = Array.from({ length: 10 }, () =>
      createDevice(server.homeserver, { ...device, address: '', userAgent: '' }),
    );
    const tokens = await Promise.all(logins);
    const answers = await Promise.all(tokens.map((token) => whoami(String(token))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('refuses wrong credentials, and reveals nothing else', async () => {
    await server.homeserver.db('userapi_accounts').where('localpart', 'frank').update({ is_deactivated: true });
    const attempts: Record<string, unknown>[] = [
      { user: 'alice', password: 'wrong' },
      { user: 'nobody' },
      { user: '@alice:elsewhere.example' },
      { user: '@:' },
      { user: 'frank', password: fixture.users.frank.password },
      { user: '_server', password: '' },
      { user: 'alice', password: alice.password + 'x'.repeat(80) },
    ];
    for (const attempt of attempts) {
      const { status, body } = await logIn(attempt);
      expect([status, body]).toEqual([403, { errcode: 'M_FORBIDDEN', error: 'Invalid username or password' }]);
    }
    expect((await whoami(fixture.users.frank.access_token)).status).toBe(401);
  });

  test.each([
    ['another flow', { type: 'm.login.token' }, 'M_UNKNOWN'],
    ['another identifier', { identifier: { type: 'm.id.phone' } }, 'M_UNKNOWN'],
    ['no user', {}, 'M_MISSING_PARAM'],
    ['a number for a user', { user: 1 }, 'M_BAD_JSON'],
    ['NUL in the user', { user: 'alice\0' }, 'M_BAD_JSON'],
    ['NUL in the device', { user: 'alice', device_id: 'a\0' }, 'M_BAD_JSON'],
    ['an endless device', { user: 'alice', device_id: 'a'.repeat(256) }, 'M_BAD_JSON'],
  ])('refuses %s', async (_name, who, errcode) => {
    const { status, body } = await logIn(who);
    expect([status, body.errcode]).toEqual([400, errcode]);
  });
});

describe('access tokens', () => {
  test.each([
    ['none', {}, 'M_MISSING_TOKEN'],
    ['another scheme', { authorization: 'Basic YTpi' }, 'M_MISSING_TOKEN'],
    ['an unknown one', { authorization: 'Bearer nobody' }, 'M_UNKNOWN_TOKEN'],
    ['an endless one', { authorization: `Bearer ${'x'.repeat(8_000)}` }, 'M_UNKNOWN_TOKEN'],
  ])('%s', async (_name, headers, errcode) => {
    const response = await fetch(new URL('/_matrix/client/v3/account/whoami', server.origin), { headers });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ errcode });
  });

  test('with NUL are unknown', async () => {
    expect((await whoami('a%00b')).body.errcode).toBe('M_UNKNOWN_TOKEN');
  });
});
