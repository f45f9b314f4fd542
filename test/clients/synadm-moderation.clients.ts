import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type FixtureHomeserver,
  fixture,
  type Json,
  roomNamed,
  sendPath,
} from '../reference-host/fixture-homeserver.ts';
import { debianSynadm, pypiSynadm } from './synadm-programs.ts';
import { type SynadmSession, startSynadm } from './synadm-session.ts';

const { admin, alice, bob, carol, dave, erin } = fixture.users;

describe.each([
  { from: 'Debian', install: debianSynadm, isNew: false },
  { from: 'the Python package index', install: pypiSynadm, isNew: true },
])('synadm of $from', ({ install, isNew }) => {
  const roomId = roomNamed('v10');

  let session: SynadmSession;
  let server: FixtureHomeserver;
  beforeAll(async () => {
    session = await startSynadm(install);
    server = session.server;
  });
  afterAll(() => session?.stop());

  const synadm = (...args: string[]): Promise<Json> => session.json(...args);
  const text = (...args: string[]): Promise<string> => session.text(...args);
  const whoami = async (user: keyof typeof fixture.users): Promise<number> =>
    (await server.call(user, 'GET', '/_matrix/client/v3/account/whoami')).status;
  const say = (user: 'alice' | 'bob'): Promise<Json> =>
    server.call(user, 'PUT', sendPath('v10'), { msgtype: 'm.text', body: 'hello' });

  describe('user', () => {
    test('3pid and auth-provider', async () => {
      await text('user', 'modify', carol.user_id, '-t', 'email', 'carol@example.org');
      expect(await synadm('user', '3pid', 'carol@example.org')).toEqual({ user_id: carol.user_id });
      expect(await synadm('user', '3pid', 'x@example.org')).toMatchObject({ errcode: 'M_NOT_FOUND' });
      expect(await synadm('user', 'auth-provider', '-p', 'oidc', 'x')).toMatchObject({ errcode: 'M_NOT_FOUND' });
    });

    test('login', async () => {
      const { access_token: token } = await synadm('user', 'login', bob.user_id);
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(new URL('/_matrix/client/v3/account/whoami', server.origin), { headers });
      expect(await response.json()).toMatchObject({ user_id: bob.user_id });
    });

    test('shadow-ban', async () => {
      const isStored = async (): Promise<boolean> => {
        const { event_id: id } = (await say('bob')).body;
        const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(id)}`;
        return (await server.call('alice', 'GET', path)).status === 200;
      };
      await text('user', 'shadow-ban', bob.user_id);
      expect(await isStored()).toBe(false);
      await text('user', 'shadow-ban', '--unban', bob.user_id);
      expect(await isStored()).toBe(true);
    });

    test('prune-devices', async () => {
      const login = { type: 'm.login.password', user: 'dave', password: dave.password };
      for (const id of ['OLD', 'OLDER']) {
        await server.call(undefined, 'POST', '/_matrix/client/v3/login', { ...login, device_id: id });
      }
      const prune = ['user', 'prune-devices', '-d', '0', '-s', '1', '-i', 'OLD'];
      expect(await text(...prune, '--list-only', dave.user_id)).toContain('OLD');
      await text(...prune, dave.user_id);
      const path = `/_synapse/admin/v2/users/${dave.user_id}/devices`;
      const { devices } = (await server.call('admin', 'GET', path)).body;
      expect(devices.map((device: Json) => device.device_id)).toContain('OLDER');
      expect(devices.map((device: Json) => device.device_id)).not.toContain('OLD');
    });

    test.runIf(isNew)('modify locks and unlocks', async () => {
      await text('user', 'modify', erin.user_id, '--lock');
      expect(await whoami('erin')).toBe(401);
      await text('user', 'modify', erin.user_id, '--unlock');
      expect(await whoami('erin')).toBe(200);
    });

    test.runIf(isNew)('suspend', async () => {
      await text('user', 'suspend', bob.user_id);
      expect((await say('bob')).body.errcode).toBe('M_USER_SUSPENDED');
      await text('user', 'suspend', '--unsuspend', bob.user_id);
      expect((await say('bob')).status).toBe(200);
    });

    test.runIf(isNew)('redact and redact-status', async () => {
      const { event_id: id } = (await say('alice')).body;
      const { redact_id: job } = await synadm('user', 'redact', alice.user_id, '-r', roomId, '--reason', 'spam');
      await expect
        .poll(() => synadm('user', 'redact-status', job), { timeout: 30_000 })
        .toMatchObject({ status: 'complete' });
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(id)}`;
      expect((await server.call('bob', 'GET', path)).body.content).toEqual({});
    });

    test.runIf(isNew)('deactivate-regex', async () => {
      await text('user', 'modify', '@spam1:localhost:18448', '-P', 'the password of spam');
      await text('user', 'deactivate-regex', '^@spam');
      expect(await synadm('user', 'details', 'spam1')).toMatchObject({ deactivated: true });
      expect(await synadm('user', 'details', alice.user_id)).toMatchObject({ deactivated: false });
    });
  });

  describe('room', () => {
    test('search and power-levels', async () => {
      expect((await synadm('room', 'search', roomId)).rooms).toMatchObject([{ room_id: roomId }]);
      expect(await text('room', 'power-levels', '-l', '100')).toContain(alice.user_id);
    });

    test('resolve', async () => {
      const alias = '#synadm:localhost:18448';
      const path = `/_matrix/client/v3/directory/room/${encodeURIComponent(alias)}`;
      await server.call('alice', 'PUT', path, { room_id: roomId });
      expect(await synadm('room', 'resolve', alias)).toBe(roomId);
      expect((await synadm('room', 'resolve', '--reverse', roomId)).aliases).toContain(alias);
    });

    test('join and make-admin', async () => {
      expect(await synadm('room', 'join', roomId, erin.user_id)).toEqual({ room_id: roomId });
      await text('room', 'make-admin', roomId, '-u', admin.user_id);
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.power_levels/`;
      expect((await server.call('alice', 'GET', path)).body.users).toHaveProperty([admin.user_id], 100);
    });

    test.runIf(isNew)('block and block-status', async () => {
      expect(await synadm('room', 'block', roomId)).toEqual({ block: true });
      expect(await synadm('room', 'block-status', roomId)).toEqual({ block: true, user_id: admin.user_id });
      expect(await synadm('room', 'block', '--unblock', roomId)).toEqual({ block: false });
    });

    test.runIf(isNew)('delete-status and purge-empty', async () => {
      await text('room', 'delete', roomNamed('v8'));
      expect(await text('room', 'delete-status', '--room-id', roomNamed('v8'))).toContain('status');
      expect(await text('room', 'purge-empty')).not.toContain('errcode');
    });
  });

  test('matrix login', async () => {
    const answer = await synadm('matrix', 'login', 'alice', '-p', alice.password);
    expect(answer).toMatchObject({ user_id: alice.user_id, access_token: expect.any(String) });
  });

  test.runIf(isNew)('raw', async () => {
    const answer = await synadm('raw', `v2/users/${encodeURIComponent(alice.user_id)}`);
    expect(answer).toMatchObject({ name: alice.user_id });
  });
});
