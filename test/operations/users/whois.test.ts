import fc from 'fast-check';
import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressWithoutPort } from '../../../src/accounts/address-without-port.ts';
import type { UserId } from '../../../src/ids.ts';
import { addAccount, addDevice, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf, recording } from '../../support/recordings.ts';

const PATHS = ['/_matrix/client/r0/admin/whois', '/_matrix/client/v3/admin/whois', '/_synapse/admin/v1/whois'];
const NOT_SELF = { errcode: 'M_FORBIDDEN', error: 'userID does not match the current user' };

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
  await addAccount(db, { localpart: 'visitor', accountType: 2 });
  await addDevice(db, { accessToken: 'guest-token', localpart: 'visitor' });
  await addAccount(db, { localpart: 'gone', accountType: 1, deactivated: true });
  await addAccount(db, { localpart: 'Old', accountType: 1 });
  await addAccount(db, { localpart: 'ALICE', accountType: 1 });
  await addDevice(db, { accessToken: 'other-spelling', localpart: 'ALICE' });
});
afterAll(() => plugin.close());

const whois = (path: string, userId: string, token: string): Promise<Answer> =>
  plugin.request(`${path}/${encodeURIComponent(userId)}`, { headers: bearer(token) });

interface Connection {
  ip: string;
}
type Devices = Record<string, { sessions: { connections: Connection[] }[] }>;

/** Synapse's path shows all connections under a device without id. */
const devicesAt = (path: string, devices: Devices): Devices =>
  path.startsWith('/_synapse')
    ? {
        '': {
          sessions: [
            { connections: Object.values(devices).flatMap(({ sessions: [first] }) => first?.connections ?? []) },
          ],
        },
      }
    : devices;

describe.each(PATHS)('whois at %s', (path) => {
  it('shows users themselves, as Dendrite does except for the port', async () => {
    const { status, body } = recording('whois-self');
    const expected = body as { user_id: string; devices: Devices };
    for (const { sessions } of Object.values(expected.devices)) {
      for (const connection of sessions.flatMap(({ connections }) => connections)) connection.ip = '127.0.0.1';
    }
    const changes = await changesOf(db, async () => {
      const answer = await whois(path, USERS.alice.user_id, USERS.alice.access_token);
      const devices = devicesAt(path, expected.devices);
      expect([answer.status, jsonOf(answer)]).toEqual([status, { ...expected, devices }]);
      expect((await whois(path, USERS.alice.user_id, USERS.admin.access_token)).text).toBe(answer.text);
    });
    expect(changes).toEqual({});
  });

  it.each<[string, string, string, number, unknown]>([
    ['somebody else by a user', USERS.bob.user_id, USERS.alice.access_token, 403, NOT_SELF],
    ['nobody by a user', '@nobody:localhost:18448', USERS.alice.access_token, 403, NOT_SELF],
    ['a remote user by a user', '@x:elsewhere.example', USERS.alice.access_token, 403, NOT_SELF],
    ['another spelling of oneself', '@Alice:localhost:18448', USERS.alice.access_token, 403, NOT_SELF],
    [
      'oneself by a guest',
      '@visitor:localhost:18448',
      'guest-token',
      403,
      { errcode: 'M_GUEST_ACCESS_FORBIDDEN', error: 'Guest access not allowed' },
    ],
    ['anybody without a token', USERS.alice.user_id, 'x', 401, { errcode: 'M_UNKNOWN_TOKEN', error: 'Unknown token' }],
    [
      'a remote user',
      '@x:elsewhere.example',
      USERS.admin.access_token,
      400,
      { errcode: 'M_INVALID_PARAM', error: 'Can only whois a local user' },
    ],
    [
      'nobody',
      '@nobody:localhost:18448',
      USERS.admin.access_token,
      404,
      { errcode: 'M_NOT_FOUND', error: 'User not found' },
    ],
    [
      'an invalid user id',
      'alice',
      USERS.admin.access_token,
      400,
      { errcode: 'M_INVALID_PARAM', error: 'bad parameter "userId": not a user id' },
    ],
  ])('refuses %s', async (_title, userId, token, status, body) => {
    const answer = await whois(path, userId, token);
    expect([answer.status, jsonOf(answer)]).toEqual([status, body]);
  });

  it('shows administrators deactivated users, without devices', async () => {
    const answer = await whois(path, '@gone:localhost:18448', USERS.admin.access_token);
    expect([answer.status, jsonOf(answer)]).toEqual([
      200,
      { user_id: '@gone:localhost:18448', devices: devicesAt(path, {}) },
    ]);
  });

  it('shows old accounts with capital letters in their names', async () => {
    const answer = await whois(path, '@Old:localhost:18448', USERS.admin.access_token);
    expect([answer.status, jsonOf(answer)]).toEqual([
      200,
      { user_id: '@Old:localhost:18448', devices: devicesAt(path, {}) },
    ]);
  });

  it('answers only GET', async () => {
    const answer = await plugin.asAdmin(`${path}/${USERS.alice.user_id}`, { method: 'POST' });
    expect([answer.status, answer.headers.allow]).toEqual([405, 'HEAD, GET, OPTIONS']);
  });
});

it('the rest of /_matrix stays with the host', async () => {
  for (const path of [
    '/_matrix/client/v3/admin/whois',
    '/_matrix/client/v3/admin/other/@a:b',
    '/_matrix/client/v3/x',
  ]) {
    const answer = await plugin.asAdmin(path);
    expect([answer.status, answer.text]).toEqual([404, 'Not Found']);
    expect(answer.headers['x-request-id']).toBeUndefined();
  }
});

describe('in-process', () => {
  const userId = USERS.bob.user_id as UserId;

  it('has the same access rules', async () => {
    const { whois: run } = plugin.admin.operations;
    const bob = { actor: { kind: 'user', userId } } as const;
    expect((await run({ userId }, bob)).devices.map(({ address }) => address)).toContain('127.0.0.1');
    await expect(run({ userId: USERS.alice.user_id }, bob)).rejects.toMatchObject(NOT_SELF_THROWN);
    const gone = '@gone:localhost:18448' as UserId;
    await expect(run({ userId: gone }, { actor: { kind: 'user', userId: gone } })).rejects.toMatchObject(
      NOT_SELF_THROWN,
    );
    expect((await run({ userId: gone }, { actor: { kind: 'system', name: 'test' } })).devices).toEqual([]);
  });

  const NOT_SELF_THROWN = { errcode: 'M_FORBIDDEN', status: 403, message: NOT_SELF.error };
});

describe('an address', () => {
  it.each([
    ['127.0.0.1:32804', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]:8448', '::1'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['2001:db8::7:8448', '2001:db8::7:8448'],
    ['[fe80::1%eth0]:1', 'fe80::1%eth0'],
    ['', ''],
  ])('%s is shown as %s', (stored, shown) => {
    expect(addressWithoutPort(stored)).toBe(shown);
  });

  it('loses only its port', () => {
    const withPort = fc.oneof(
      fc.tuple(fc.ipV4(), fc.nat(65_535)).map(([ip, port]) => ({ ip, stored: `${ip}:${port}` })),
      fc.tuple(fc.ipV6(), fc.nat(65_535)).map(([ip, port]) => ({ ip, stored: `[${ip}]:${port}` })),
      fc.oneof(fc.ipV4(), fc.ipV6()).map((ip) => ({ ip, stored: ip })),
    );
    fc.assert(
      fc.property(withPort, ({ ip, stored }) => {
        expect(addressWithoutPort(stored)).toBe(ip);
      }),
    );
  });
});
