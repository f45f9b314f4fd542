import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FixtureHomeserver, fixture, type Json, roomNamed } from '../reference-host/fixture-homeserver.ts';
import { debianSynadm, pypiSynadm } from './synadm-programs.ts';
import { type SynadmSession, startSynadm } from './synadm-session.ts';

const { admin, alice, bob, carol, frank } = fixture.users;

describe.each([
  { from: 'Debian', install: debianSynadm },
  { from: 'the Python package index', install: pypiSynadm },
])('synadm of $from', ({ install }) => {
  let session: SynadmSession;
  let server: FixtureHomeserver;
  beforeAll(async () => {
    session = await startSynadm(install);
    server = session.server;
  });
  afterAll(() => session?.stop());

  const synadmText = (...args: string[]): Promise<string> => session.text(...args);
  const synadm = (...args: string[]): Promise<Json> => session.json(...args);

  const canLogIn = async (user: string, password: string): Promise<boolean> => {
    const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password };
    return (await server.call(undefined, 'POST', '/_matrix/client/v3/login', body)).status === 200;
  };

  test('version', async () => {
    expect(await synadm('version')).toEqual({ server_version: expect.stringMatching(/^koa-matrix-admin \d/) });
  });

  describe('user', () => {
    test('list', async () => {
      const { users, total } = await synadm('user', 'list');
      const names = users.map((user: Json) => user.name);
      expect(names).toEqual(expect.arrayContaining([admin, alice, bob].map((user) => user.user_id)));
      expect(total).toBe(names.length);
      const pages = [];
      for (let from = 0; from < total; from += 3) {
        pages.push(...(await synadm('user', 'list', '--limit', '3', '--from', String(from))).users);
      }
      expect(pages).toEqual(users);
    });

    test('list as a table', async () => {
      const text = await synadmText('--output', 'human', 'user', 'list');
      expect(text).toContain(alice.user_id);
    });

    test('search', async () => {
      expect(await synadmText('user', 'search', 'ALI')).toContain(alice.user_id);
    });

    test('details', async () => {
      expect(await synadm('user', 'details', alice.user_id)).toMatchObject({
        name: alice.user_id,
        displayname: 'Alice',
        admin: false,
        deactivated: false,
      });
      expect(await synadm('user', 'details', 'nobody')).toMatchObject({ errcode: 'M_NOT_FOUND' });
    });

    test('whois', async () => {
      const { user_id: userId, devices } = await synadm('user', 'whois', alice.user_id);
      expect(userId).toBe(alice.user_id);
      expect(Object.keys(devices)).toContain('shared_secret_registration');
    });

    test('password', async () => {
      expect(await synadm('user', 'password', bob.user_id, '-n', '-p', 'a new password 1')).toEqual({});
      expect(await canLogIn('bob', 'a new password 1')).toBe(true);
      expect(await canLogIn('bob', bob.password)).toBe(false);
      expect((await server.call('bob', 'GET', '/_matrix/client/v3/account/whoami')).status).toBe(200);
      expect(await synadm('user', 'password', bob.user_id, '-p', 'a new password 2')).toEqual({});
      expect((await server.call('bob', 'GET', '/_matrix/client/v3/account/whoami')).status).toBe(401);
    });

    test('modify creates a user', async () => {
      await synadmText('user', 'modify', '@zoe:localhost:18448', '-P', 'the password of zoe', '-n', 'Zoe');
      expect(await synadm('user', 'details', 'zoe')).toMatchObject({ displayname: 'Zoe', admin: false });
      expect(await canLogIn('zoe', 'the password of zoe')).toBe(true);
      await synadmText('user', 'modify', '@zoe:localhost:18448', '-a');
      expect(await synadm('user', 'details', 'zoe')).toMatchObject({ displayname: 'Zoe', admin: true });
    });

    test('membership', async () => {
      const { joined_rooms: rooms } = await synadm('user', 'membership', '--ids', alice.user_id);
      expect(rooms).toContain(roomNamed('v10'));
    });

    test('deactivate', async () => {
      expect(await synadmText('user', 'deactivate', frank.user_id)).toContain('"id_server_unbind_result": "success"');
      expect(await synadm('user', 'details', frank.user_id)).toMatchObject({ deactivated: true });
      expect(await canLogIn('frank', frank.password)).toBe(false);
      await expect
        .poll(() => synadm('user', 'membership', '--ids', frank.user_id))
        .toMatchObject({ joined_rooms: [], total: 0 });
    });
  });

  describe('room', () => {
    test('list and search', async () => {
      const { rooms, total_rooms: total } = await synadm('room', 'list');
      expect(rooms).toHaveLength(total);
      expect(rooms.map((room: Json) => room.room_id)).toContain(roomNamed('v10'));
      const sorted = await synadm('room', 'list', '--sort', 'joined_members', '--reverse', '--limit', '2');
      expect(sorted.rooms).toHaveLength(2);
    });

    test('details, members and state', async () => {
      const roomId = roomNamed('v10');
      expect(await synadm('room', 'details', roomId)).toMatchObject({ room_id: roomId, version: '10' });
      const { members, total } = await synadm('room', 'members', roomId);
      expect(members).toContain(alice.user_id);
      expect(total).toBe(members.length);
      const { state } = await synadm('room', 'state', roomId);
      expect(state.map((event: Json) => event.type)).toContain('m.room.create');
    });

    test('delete', async () => {
      const roomId = roomNamed('v9');
      const printed = await synadmText('room', 'delete', roomId);
      expect(printed).not.toContain('errcode');
      await expect.poll(() => synadm('room', 'details', roomId)).toMatchObject({ errcode: 'M_NOT_FOUND' });
      expect((await synadm('room', 'list')).rooms.map((room: Json) => room.room_id)).not.toContain(roomId);
    });
  });

  test('regtok', async () => {
    expect(await synadm('regtok', 'list')).toEqual(expect.objectContaining({ registration_tokens: expect.any(Array) }));
    const made = { token: 'of-synadm', uses_allowed: 3, pending: 0, completed: 0, expiry_time: null };
    expect(await synadm('regtok', 'new', '-n', 'of-synadm', '-u', '3')).toEqual(made);
    expect(await synadm('regtok', 'details', 'of-synadm')).toEqual(made);
    expect((await synadm('regtok', 'list', '-v')).registration_tokens).toContainEqual(made);
    expect(await synadm('regtok', 'update', 'of-synadm', '-u', '5')).toEqual({ ...made, uses_allowed: 5 });
    expect(await synadm('regtok', 'update', 'of-synadm', '-u', '-1')).toEqual({ ...made, uses_allowed: null });
    expect((await synadm('regtok', 'new', '-l', '8')).token).toHaveLength(8);
    expect(await synadmText('--output', 'human', 'regtok', 'list')).toContain('of-synadm');
    expect(await synadmText('regtok', 'delete', 'of-synadm')).toContain('success');
    expect(await synadmText('regtok', 'delete', 'of-synadm')).not.toContain('success');
  });

  describe('notice', () => {
    const noticesOf = async (eventIds: readonly string[]): Promise<Json[]> => {
      const { rows } = await server.homeserver.db.raw(
        `SELECT headered_event_json::jsonb -> 'content' AS content FROM public.syncapi_output_room_events
         WHERE event_id = ANY(?)`,
        [[...eventIds]],
      );
      return rows.map((row: Json) => row.content);
    };

    test('to one user, with HTML', async () => {
      const [sent] = await synadm('notice', 'send', carol.user_id, 'Plain', '<b>HTML</b>');
      expect(await noticesOf([sent.event_id])).toEqual([
        { msgtype: 'm.text', body: 'Plain', format: 'org.matrix.custom.html', formatted_body: '<b>HTML</b>' },
      ]);
      expect(await synadm('notice', 'send', '@nobody:localhost:18448', 'Hello')).toEqual([
        expect.objectContaining({ errcode: 'M_NOT_FOUND' }),
      ]);
    });

    test('to all users with matching ids, page by page', async () => {
      const sent = await synadm('notice', 'send', '-r', '-p', '2', '^@(alice|carol):', 'To some');
      expect(await noticesOf(sent.map((answer: Json) => answer.event_id))).toEqual([
        expect.objectContaining({ body: 'To some' }),
        expect.objectContaining({ body: 'To some' }),
      ]);
    });
  });

  test('calls the other paths with raw requests', async () => {
    const roomId = roomNamed('v10');
    const path = `evacuateRoom/${encodeURIComponent(roomId)}`;
    const other = await session.configFor('/_dendrite/admin');
    const call = ['matrix', 'raw', '-m', 'post', '-d', '{"dry_run":true}', path];
    expect(await synadm('--config-file', other, ...call)).toMatchObject({
      affected: expect.arrayContaining([alice.user_id]),
      dry_run: true,
    });
  });
});
