import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoomId, UserId } from '../../../src/ids.ts';
import { addAccount, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf, type RequestOptions } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf, comparableChanges, eventIdsOf, recording } from '../../support/recordings.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

const PATH = '/_synapse/admin/v1/send_server_notice';
const HELLO = { msgtype: 'm.text', body: 'Hello erin' };

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({ options: { serverNotices: {} } });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const post = (body: unknown, path = PATH, options: RequestOptions = {}): Promise<Answer> =>
  plugin.asAdmin(path, { method: 'POST', body: JSON.stringify(body), ...options });
const put = (txnId: string, body: unknown): Promise<Answer> => post(body, `${PATH}/${txnId}`, { method: 'PUT' });

interface Stored {
  readonly event_id: string;
  readonly room_id: string;
  readonly type: string;
  readonly content: Record<string, unknown>;
  readonly state_key?: string;
}

async function stored(eventId: unknown): Promise<Stored> {
  const row = await db('public.syncapi_output_room_events').where('event_id', String(eventId)).first();
  return { ...JSON.parse(row.headered_event_json), event_id: row.event_id, room_id: row.room_id };
}

const send = async (userId: string, content: object = HELLO, rest: object = {}): Promise<Stored> => {
  const answer = await post({ user_id: userId, content, ...rest });
  expect(answer.status, answer.text).toBe(200);
  return stored(jsonOf(answer).event_id);
};

/** Joins a user to a room, as the user's client does. */
async function join(roomId: string, userId: string): Promise<void> {
  const { createRoomWriter } = await import('../../../src/rooms/room-writer.ts');
  const { createSigningKey, SERVER_NAME } = await import('../../support/dendrite-server.ts');
  const writer = createRoomWriter({
    serverName: SERVER_NAME,
    localServerNames: [SERVER_NAME],
    signingKeys: [createSigningKey()],
    applyEvents: async () => {},
  });
  const user = userId as UserId;
  const draft = { type: 'm.room.member', sender: user, stateKey: user, content: { membership: 'join' } };
  const { refused } = await db.transaction((trx) => writer.append(trx, roomId as RoomId, [draft]));
  expect(refused).toEqual([]);
}

describe('the first notices of a server', () => {
  it('are all sent if they are concurrent', async () => {
    const fresh = await mountPlugin({ options: { serverNotices: { localpart: 'first' } } });
    const users = [USERS.alice, USERS.bob, USERS.carol, USERS.dave];
    const answers = await Promise.all(
      users.map(({ user_id }) =>
        fresh.asAdmin(PATH, { method: 'POST', body: JSON.stringify({ user_id, content: HELLO }) }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const accounts = await fresh.database.db('userapi_accounts').where({ localpart: 'first' });
    expect(accounts).toHaveLength(1);
    await fresh.close();
  });
});

describe('a server notice', () => {
  it('creates a room as Dendrite does', async () => {
    const recorded = recording('notice-new-room');
    const known = await eventIdsOf(db);
    let roomId = '';
    const changes = await changesOf(db, async () => {
      const event = await send(USERS.erin.user_id);
      roomId = event.room_id;
      expect(event).toMatchObject({ type: 'm.room.message', content: HELLO });
    });
    // These tables are not compared. The host evaluates push rules, and all rooms share the snapshot without blocks.
    const others = [
      'roomserver_state_block',
      'roomserver_state_snapshots',
      'userapi_notifications',
      'syncapi_notification_data',
    ];
    const normal = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value).replaceAll(roomId, '!room').replaceAll('!l9bLpT1dhQsxaQLg:localhost:18448', '!room'),
      );
    expect(normal(comparableChanges(changes, known, others))).toEqual(
      normal(comparableChanges(recorded.tables, known, others)),
    );
    expect(await brokenInvariants(db)).toEqual([]);
  });

  it('goes into the existing room, without a second invite while one is pending', async () => {
    const [first, second] = [await send(USERS.erin.user_id), await send(USERS.erin.user_id)];
    expect(second.room_id).toBe(first.room_id);
    const invites = db('public.roomserver_invites').count('*').where('retired', false);
    const before = await invites.clone();
    await send(USERS.erin.user_id);
    expect(await invites.clone()).toEqual(before);
  });

  it('keeps all of its content, its type and its state key', async () => {
    const html = { ...HELLO, format: 'org.matrix.custom.html', formatted_body: '<b>Hello</b>', 'm.mentions': {} };
    expect((await send(USERS.erin.user_id, html)).content).toEqual(html);
    const topic = await send(USERS.erin.user_id, { topic: 'News' }, { type: 'm.room.topic', state_key: '' });
    expect(topic).toMatchObject({ type: 'm.room.topic', state_key: '', content: { topic: 'News' } });
  });

  it('invites users who have left again', async () => {
    const { room_id: roomId } = await send(USERS.carol.user_id);
    await join(roomId, USERS.carol.user_id);
    await plugin.asAdmin(`/_dendrite/admin/evacuateUser/${USERS.carol.user_id}`, { method: 'POST' });
    expect((await send(USERS.carol.user_id)).room_id).toBe(roomId);
    const member = { room_id: roomId, type: 'm.room.member', state_key: USERS.carol.user_id };
    expect(await db('public.syncapi_current_room_state').where(member).first()).toMatchObject({ membership: 'invite' });
    expect(await brokenInvariants(db)).toEqual([]);
  });

  it('with a transaction id is sent once, even by concurrent requests', async () => {
    const body = { user_id: USERS.dave.user_id, content: HELLO };
    const answers = await Promise.all(Array.from({ length: 8 }, () => put('t1', body)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect((await put('t1', { user_id: USERS.erin.user_id, content: { ...HELLO, body: 'other' } })).text).toBe(
      answers[0]?.text,
    );
    expect((await put('t2', body)).text).not.toBe(answers[0]?.text);
    const rooms = await db('public.userapi_account_datas').where({ localpart: 'dave', type: 'm.tag' });
    expect(rooms).toHaveLength(1);
  });

  it.each<[string, unknown, number, string]>([
    ['nobody', { content: HELLO }, 400, 'M_MISSING_PARAM'],
    ['no content', { user_id: USERS.erin.user_id }, 400, 'M_MISSING_PARAM'],
    ['an unknown user', { user_id: '@nobody:localhost:18448', content: HELLO }, 404, 'M_NOT_FOUND'],
    ['the sender of notices', { user_id: '@_server:localhost:18448', content: HELLO }, 404, 'M_NOT_FOUND'],
    ['a user of another server', { user_id: '@x:elsewhere.example', content: HELLO }, 400, 'M_INVALID_PARAM'],
    ['an invalid user id', { user_id: 'erin', content: HELLO }, 400, 'M_INVALID_PARAM'],
    ['a number', { user_id: 5, content: HELLO }, 400, 'M_INVALID_PARAM'],
    ['content without a body', { user_id: USERS.erin.user_id, content: { msgtype: 'm.text' } }, 400, 'M_BAD_JSON'],
    [
      'content that no event can have',
      { user_id: USERS.erin.user_id, content: { ...HELLO, x: 1.5 } },
      400,
      'M_BAD_JSON',
    ],
    [
      'a type that rooms are governed by',
      { user_id: USERS.erin.user_id, content: {}, type: 'm.room.power_levels', state_key: '' },
      400,
      'M_INVALID_PARAM',
    ],
    [
      'state of another user',
      { user_id: USERS.erin.user_id, content: {}, type: 'm.x', state_key: '@a:b' },
      403,
      'M_FORBIDDEN',
    ],
  ])('to %s is refused, and writes nothing', async (_title, body, status, errcode) => {
    const changes = await changesOf(db, async () => {
      const answer = await post(body);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
    });
    expect(changes).toEqual({});
  });

  it('never goes into another room that the user and the sending account share', async () => {
    const { room_id: roomId } = await send(USERS.frank.user_id);
    await db('public.userapi_account_datas').where({ localpart: 'frank', type: 'm.tag', room_id: roomId }).del();
    expect((await send(USERS.frank.user_id)).room_id).not.toBe(roomId);
  });

  it('goes to old accounts with capital letters in their names, but not to another spelling of a name', async () => {
    await addAccount(db, { localpart: 'Old', accountType: 1 });
    expect(await send('@Old:localhost:18448')).toMatchObject({ content: HELLO });
    const answer = await post({ user_id: '@ALICE:localhost:18448', content: HELLO });
    expect([answer.status, jsonOf(answer).errcode]).toEqual([404, 'M_NOT_FOUND']);
    await db('public.userapi_accounts').where('localpart', 'Old').delete();
  });
});

describe('a notice to many users', () => {
  it('reaches every user once, and reports who could not be reached', async () => {
    const { text, status } = await post(
      { content: { msgtype: 'm.notice', body: 'all' } },
      '/_dendrite/admin/serverNotices',
    );
    expect([status, JSON.parse(text)]).toEqual([200, { sent: 7 }]);
    const answer = await post(
      { content: HELLO, user_ids: [USERS.bob.user_id, '@nobody:localhost:18448', USERS.bob.user_id] },
      '/_dendrite/admin/serverNotices',
    );
    expect(jsonOf(answer)).toEqual({
      sent: 1,
      failures: 1,
      failed: [{ id: '@nobody:localhost:18448', reason: 'User not found' }],
    });
    expect(await brokenInvariants(db)).toEqual([]);
  });

  it('are not stored by the job that has sent them', async () => {
    const content = { msgtype: 'm.text', body: 'only for alice' };
    await post({ content, user_ids: [USERS.alice.user_id] }, '/_dendrite/admin/serverNotices');
    const jobs = await db('matrix_admin.jobs').where({ kind: 'sendServerNotices' }).orderBy('created_at');
    expect(jobs.length).toBeGreaterThan(0);
    expect(JSON.stringify(jobs)).not.toContain('only for alice');
    expect(jobs.at(-1).input).toMatchObject({ userIds: [USERS.alice.user_id] });
  });

  it('may be a dry run without effect', async () => {
    const changes = await changesOf(db, async () => {
      const answer = await post({ content: HELLO, dry_run: true }, '/_dendrite/admin/serverNotices');
      expect(jsonOf(answer)).toEqual({ sent: 7, dry_run: true });
    });
    expect(changes).toEqual({});
  });
});

describe('without server notices', () => {
  it('the routes do not exist', async () => {
    const other = await mountPlugin();
    for (const [method, path] of [
      ['POST', PATH],
      ['PUT', `${PATH}/t`],
      ['POST', '/_dendrite/admin/serverNotices'],
    ] as const) {
      const answer = await other.asAdmin(path, { method, body: '{}' });
      expect([answer.status, jsonOf(answer).errcode]).toEqual([404, 'M_UNRECOGNIZED']);
    }
    await other.close();
  });
});
