import { createHmac } from 'node:crypto';
import type { Knex } from 'knex';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventId, RoomId, UserId } from '../../src/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { addAccount, addDevice, SERVER_NAME } from '../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, bearer, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const AT_ONCE = 10;
const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const HELLO = { msgtype: 'm.text', body: 'hello' };
const idOf = (localpart: string): UserId => `@${localpart}:${SERVER_NAME}` as UserId;
const USERS = Array.from({ length: AT_ONCE }, (_, i) => `user${i}`);

/** The database of a new homeserver, and its two processes. */
let database: TestDatabase;
let plugins: MountedPlugin[];
let db: Knex;
beforeEach(async () => {
  database = await createTestDatabase();
  ({ db } = database);
  for (const localpart of USERS) await addAccount(db, { localpart, accountType: 1 });
  await addAccount(db, { localpart: 'root', accountType: 3 });
  await addDevice(db, { accessToken: 'root', localpart: 'root' });
  plugins = [
    await mountPlugin({ database, options: ALL_ROUTES }),
    await mountPlugin({ database, options: ALL_ROUTES }),
  ];
});
afterEach(async () => {
  for (const { close } of plugins) await close();
  await database.drop();
});

const processOf = (i: number): MountedPlugin => plugins[i % plugins.length] as MountedPlugin;

/** Sends requests as the administrator, alternately to both processes. */
function atOnce(method: string, path: string | ((i: number) => string), body: unknown): Promise<Answer[]> {
  return Promise.all(
    Array.from({ length: AT_ONCE }, (_, i) =>
      processOf(i).request(typeof path === 'string' ? path : path(i), {
        method,
        headers: bearer('root'),
        body: JSON.stringify(typeof body === 'function' ? body(i) : body),
      }),
    ),
  );
}

const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status).sort((a, b) => a - b);
const times = (status: number, n = AT_ONCE): number[] => Array.from({ length: n }, () => status);
const errcodes = (answers: readonly Answer[]): unknown[] => [
  ...new Set(answers.filter(({ status }) => status >= 300).map((answer) => jsonOf(answer).errcode)),
];

async function newRoom(plugin: MountedPlugin, users = [idOf('user0')]): Promise<{ roomId: RoomId; eventId: EventId }> {
  const [creator = idOf('user0'), ...others] = users;
  const member = (userId: UserId) => ({
    type: 'm.room.member',
    sender: userId,
    stateKey: userId,
    content: { membership: 'join' },
  });
  const appended = await db.transaction((transaction) =>
    plugin.admin.rooms.create(transaction, {
      version: '10',
      creator,
      content: {},
      drafts: [
        member(creator),
        { type: 'm.room.join_rules', sender: creator, stateKey: '', content: { join_rule: 'public' } },
        ...others.map(member),
        { type: 'm.room.message', sender: creator, content: HELLO },
      ],
    }),
  );
  expect(appended.refused).toEqual([]);
  return { roomId: appended.roomId, eventId: appended.events.at(-1)?.eventId as EventId };
}

describe('ten at once, over two processes of a new homeserver', () => {
  it('register an account by shared secret: one succeeds', async () => {
    const path = '/_synapse/admin/v1/register';
    const bodies = await Promise.all(
      times(0).map(async () => {
        const { nonce } = jsonOf(await processOf(0).request(path));
        const parts = [nonce, 'newbie', 'long-enough', 'notadmin'];
        const mac = createHmac('sha1', 'shared').update(parts.join('\0')).digest('hex');
        return { nonce, username: 'newbie', password: 'long-enough', mac };
      }),
    );
    const answers = await atOnce('POST', path, (i: number) => bodies[i]);
    expect(statuses(answers)).toEqual([200, ...times(400, AT_ONCE - 1)]);
    expect(errcodes(answers)).toEqual(['M_USER_IN_USE']);
    expect(await db('userapi_accounts').where({ localpart: 'newbie' })).toHaveLength(1);
  });

  it.each([
    {},
    { password: 'long-enough' },
    { displayname: 'New', threepids: [{ medium: 'email', address: 'new@example.org' }], user_type: 'bot' },
    { admin: true },
    { locked: true },
    { deactivated: true },
  ])('put the new user %j: one creates it, and the others change it', async (changes) => {
    const answers = await atOnce('PUT', `/_synapse/admin/v2/users/${idOf('newbie')}`, changes);
    expect(answers.filter(({ status }) => status >= 300).map(({ text }) => text)).toEqual([]);
    expect(statuses(answers)).toEqual([...times(200, AT_ONCE - 1), 201]);
    expect(await db('userapi_accounts').where({ localpart: 'newbie' })).toHaveLength(1);
  });

  it('put different new users with the same addresses: all are created', async () => {
    const threepids = ['a', 'b', 'c'].map((name) => ({ medium: 'email', address: `${name}@example.org` }));
    const answers = await atOnce(
      'PUT',
      (i) => `/_synapse/admin/v2/users/${idOf(`newbie${i}`)}`,
      (i: number) => ({
        threepids: i % 2 ? threepids : threepids.toReversed(),
      }),
    );
    expect(statuses(answers)).toEqual(times(201));
    expect(await db('userapi_threepids')).toHaveLength(3);
  });

  it.each([
    ['/_dendrite/admin/registrationTokens/new', 409],
    ['/_synapse/admin/v1/registration_tokens/new', 400],
  ])('create a registration token by %s: one succeeds', async (path) => {
    const answers = await atOnce('POST', path, { token: 'welcome' });
    expect(statuses(answers)[0]).toBe(200);
    expect(new Set(statuses(answers).slice(1)).size).toBe(1);
    expect(errcodes(answers)).toEqual(['M_INVALID_PARAM']);
    expect(await db('userapi_registration_tokens')).toHaveLength(1);
  });

  it('block a room, and unblock it: all succeed', async () => {
    const room = encodeURIComponent('!some:example.org');
    const path = `/_dendrite/admin/blockedRooms/${room}`;
    expect(statuses(await atOnce('PUT', path, { reason: 'spam' }))).toEqual(times(200));
    expect(await db('matrix_admin.blocked_rooms')).toHaveLength(1);
    const answers = await atOnce('PUT', `/_synapse/admin/v1/rooms/${room}/block`, (i: number) => ({
      block: i % 2 === 0,
    }));
    expect(statuses(answers)).toEqual(times(200));
  });

  it('send a notice to one user: all go into one room', async () => {
    const path = '/_synapse/admin/v1/send_server_notice';
    const answers = await atOnce('POST', path, { user_id: idOf('user0'), content: HELLO });
    expect(answers.filter(({ status }) => status !== 200).map(({ text }) => text)).toEqual([]);
    expect(await db('roomserver_rooms')).toHaveLength(1);
    expect(await db('userapi_accounts').where({ localpart: '_server' })).toHaveLength(1);
  });

  it('send a notice under one transaction id: it is sent once', async () => {
    const path = '/_synapse/admin/v1/send_server_notice/txn';
    const answers = await atOnce('PUT', path, { user_id: idOf('user0'), content: HELLO });
    expect(answers.filter(({ status }) => status !== 200).map(({ text }) => text)).toEqual([]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });

  it('send notices to as many users, while jobs send to all of them: all are sent', async () => {
    const all = USERS.map(idOf);
    const jobs = [all, undefined, all.toReversed()].map((userIds, i) =>
      processOf(i)
        .admin.operations.sendServerNotices(
          { ...(userIds && { userIds }), type: 'm.room.message', content: HELLO },
          SYSTEM,
        )
        .catch((error: unknown) => error),
    );
    const path = '/_synapse/admin/v1/send_server_notice';
    const answers = await atOnce('POST', path, (i: number) => ({ user_id: all[i], content: HELLO }));
    expect(answers.filter(({ status }) => status !== 200).map(({ text }) => text)).toEqual([]);
    expect(await Promise.all(jobs)).toMatchObject([{ sent: AT_ONCE }, { sent: AT_ONCE + 1 }, { sent: AT_ONCE }]);
    expect(await db('roomserver_rooms')).toHaveLength(AT_ONCE + 1);
  });

  it('report one event: all reports are stored', async () => {
    const users = USERS.map(idOf);
    const { roomId, eventId } = await newRoom(processOf(0), users);
    await db('roomserver_event_state_keys').whereIn('event_state_key', users.slice(1)).count();
    const reports = await Promise.all(
      users.map((reporter, i) => {
        const actor = { kind: 'user', userId: reporter } as const;
        return processOf(i).admin.operations.reportEvent({ reporter, roomId, eventId }, { actor });
      }),
    );
    expect(new Set(reports.map(({ reportId }) => reportId)).size).toBe(AT_ONCE);
    const path = '/_synapse/admin/v1/event_reports';
    expect(jsonOf(await processOf(0).request(path, { headers: bearer('root') })).total).toBe(AT_ONCE);
    const { reportId } = reports[0] ?? {};
    expect(statuses(await atOnce('PUT', `${path}/${reportId}`, { status: 'resolved' }))).toEqual(times(200));
  });

  it('create rooms: each event type and state key is stored once', async () => {
    const rooms = await Promise.all(USERS.map((name, i) => newRoom(processOf(i), [idOf(name)])));
    expect(new Set(rooms.map(({ roomId }) => roomId)).size).toBe(AT_ONCE);
  });

  it('purge, delete and evacuate one room: it is deleted, and nothing fails', async () => {
    const { roomId } = await newRoom(processOf(0), USERS.map(idOf));
    const room = encodeURIComponent(roomId);
    const paths = [
      ['POST', `/_dendrite/admin/purgeRoom/${room}`],
      ['DELETE', `/_synapse/admin/v1/rooms/${room}`],
      ['DELETE', `/_synapse/admin/v2/rooms/${room}`],
      ['POST', `/_dendrite/admin/evacuateRoom/${room}`],
      ['POST', `/_dendrite/admin/purgeRoom/${room}`],
    ] as const;
    const body = (path: string): string =>
      JSON.stringify(
        path.includes('purgeRoom') ? { evacuate: true } : path.includes('evacuate') ? {} : { purge: true },
      );
    const answers = await Promise.all(
      paths.map(([method, path], i) =>
        processOf(i).request(path, { method, headers: bearer('root'), body: body(path) }),
      ),
    );
    expect(answers.filter(({ status }) => status >= 500).map(({ text }) => text)).toEqual([]);
    const unfinished = () => db('matrix_admin.jobs').whereIn('state', ['queued', 'running']).pluck('kind');
    await expect.poll(unfinished, { timeout: 15_000 }).toEqual([]);
    expect(await db('roomserver_rooms').where({ room_id: roomId })).toEqual([]);
  });

  it('deactivate, erase and reset the password of one user: no request gets a 5xx', async () => {
    const requests = [
      ['POST', `/_synapse/admin/v1/deactivate/${idOf('user0')}`, {}],
      ['POST', `/_synapse/admin/v1/deactivate/${idOf('user0')}`, { erase: true }],
      ['PUT', `/_synapse/admin/v2/users/${idOf('user0')}`, { deactivated: true }],
      ['PUT', `/_synapse/admin/v2/users/${idOf('user0')}`, { displayname: 'X', threepids: [] }],
      ['POST', `/_synapse/admin/v1/reset_password/${idOf('user0')}`, { new_password: 'long-enough' }],
      ['PUT', `/_matrix/client/v1/admin/lock/${idOf('user0')}`, { locked: true }],
    ] as const;
    const answers = await Promise.all(
      [...requests, ...requests].map(([method, path, body], i) =>
        processOf(i).request(path, { method, headers: bearer('root'), body: JSON.stringify(body) }),
      ),
    );
    expect(answers.filter(({ status }) => status >= 500).map(({ text }) => text)).toEqual([]);
  });

  it('rebuild the search index: one job runs', async () => {
    const answers = await atOnce('POST', '/_dendrite/admin/fulltext/reindex', {});
    expect(statuses(answers)).toEqual(times(202));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });
});
