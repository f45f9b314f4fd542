import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type FixtureHomeserver,
  fixture,
  type Json,
  roomNamed,
  sendPath,
  startFixtureHomeserver,
} from './fixture-homeserver.ts';

type User = keyof typeof fixture.users;

let server: FixtureHomeserver;
beforeAll(async () => {
  server = await startFixtureHomeserver();
});
afterAll(() => server.stop());

const message = (body: string): Record<string, unknown> => ({ msgtype: 'm.text', body });
const idOf = (user: User): string => fixture.users[user].user_id;

async function sync(user: User, query: Record<string, string> = {}): Promise<Json> {
  const { status, body } = await server.call(
    user,
    'GET',
    `/_matrix/client/v3/sync?${new URLSearchParams(query).toString()}`,
  );
  expect([status, body]).toEqual([200, expect.anything()]);
  return body;
}

/** Returns the newest position of a user. A filter leaves all rooms out of the answer. */
const positionOf = async (user: User): Promise<string> =>
  (await sync(user, { filter: filterOf({ room: { rooms: [] } }) })).next_batch;

const filterOf = (filter: unknown): string => JSON.stringify(filter);
const bodiesOf = (room: Json): string[] => room.timeline.events.map(({ content }: Json) => content.body);
const stateIn = (room: Json, type: string, key = ''): Json =>
  room.state.events.find((event: Json) => event.type === type && event.state_key === key)?.content;

async function send(room: string, body: string, user: User = 'bob'): Promise<string> {
  const answer = await server.call(user, 'PUT', sendPath(room), message(body));
  expect(answer.status).toBe(200);
  return answer.body.event_id;
}

/** Writes events with the plugin's room writer. */
async function append(room: string, ...drafts: Json[]): Promise<void> {
  const { db, admin } = server.homeserver;
  const { refused } = await db.transaction((transaction) =>
    admin.rooms.append(transaction, roomNamed(room) as never, drafts),
  );
  expect(refused).toEqual([]);
}

const member = (sender: User, target: User, membership: string): Json => ({
  type: 'm.room.member',
  sender: idOf(sender),
  stateKey: idOf(target),
  content: { membership },
});

describe('the first /sync', () => {
  test('has the joined rooms with state, timeline and a place for /messages', async () => {
    const { next_batch: next, rooms, account_data: accountData } = await sync('alice');
    const room = rooms.join[roomNamed('v10')];
    expect(next).toMatch(/^s\d+(_\d+){8}$/);
    expect(stateIn(room, 'm.room.create')).toMatchObject({ room_version: '10' });
    expect(room.timeline).toMatchObject({ limited: true, prev_batch: expect.stringMatching(/^t\d+_\d+$/) });
    expect(room.timeline.events).toHaveLength(10);
    expect(room.timeline.events[0]).toMatchObject({
      event_id: expect.any(String),
      sender: expect.any(String),
      unsigned: { age: expect.any(Number) },
    });
    expect(room.timeline.events[0]).not.toHaveProperty('_room_version');
    expect(room.summary['m.joined_member_count']).toBeGreaterThan(1);
    expect(room.unread_notifications).toEqual({ notification_count: expect.any(Number), highlight_count: 0 });
    expect(accountData.events.map(({ type }: Json) => type)).toContain('m.push_rules');
    expect(rooms.leave).toEqual({});
    const ids = [...room.state.events, ...room.timeline.events].map(({ event_id: id }: Json) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('has all state before the timeline, so that both together are the current state', async () => {
    for (const [roomId, room] of Object.entries<Json>((await sync('alice')).rooms.join)) {
      const shown = new Map(
        [...room.state.events, ...room.timeline.events]
          .filter(({ state_key: key }: Json) => key !== undefined)
          .map((event: Json) => [`${event.type} ${event.state_key}`, event.event_id]),
      );
      const rows: Json[] = await server.homeserver.db('syncapi_current_room_state').where('room_id', roomId);
      expect(shown).toEqual(new Map(rows.map((row) => [`${row.type} ${row.state_key}`, row.event_id])));
    }
  });

  test('has invites with the stripped state of the room', async () => {
    const { rooms } = await sync('dave');
    const { events } = rooms.invite[roomNamed('v1')].invite_state;
    expect(events).toContainEqual({
      type: 'm.room.name',
      sender: idOf('alice'),
      state_key: '',
      content: { name: 'Room v1' },
    });
    expect(events.at(-1)).toMatchObject({ state_key: idOf('dave'), content: { membership: 'invite' } });
  });
});

describe('a later /sync', () => {
  test('has the changes since the position, and then nothing', async () => {
    const first = await positionOf('alice');
    const eventId = await send('v10', 'one');
    const { next_batch: second, rooms } = await sync('alice', { since: first });
    expect(Object.keys(rooms.join)).toEqual([roomNamed('v10')]);
    const room = rooms.join[roomNamed('v10')];
    expect(room.timeline).toMatchObject({ limited: false, events: [{ event_id: eventId, content: message('one') }] });
    expect(room.state.events).toEqual([]);
    expect(await sync('alice', { since: second })).toEqual({
      next_batch: second,
      device_one_time_keys_count: expect.anything(),
      device_unused_fallback_key_types: expect.anything(),
    });
  });

  test('tells the sending device its transaction id, and nobody else', async () => {
    const [bob, alice] = [await positionOf('bob'), await positionOf('alice')];
    await server.call('bob', 'PUT', sendPath('v10', 'm.room.message', 'my-txn'), message('mine'));
    const unsigned = async (user: User, since: string): Promise<Json> =>
      (await sync(user, { since })).rooms.join[roomNamed('v10')].timeline.events.at(-1).unsigned;
    expect(await unsigned('bob', bob)).toHaveProperty('transaction_id', 'my-txn');
    expect(await unsigned('alice', alice)).not.toHaveProperty('transaction_id');
  });

  test('with a gap has the state that changed in the gap', async () => {
    const since = await positionOf('bob');
    await append('v10', { type: 'm.room.topic', sender: idOf('alice'), stateKey: '', content: { topic: 'early' } });
    for (const body of ['1', '2', '3']) await send('v10', body);
    await append('v10', { type: 'm.room.name', sender: idOf('alice'), stateKey: '', content: { name: 'late' } });
    const { rooms } = await sync('bob', { since, filter: filterOf({ room: { timeline: { limit: 2 } } }) });
    const room = rooms.join[roomNamed('v10')];
    expect(room.timeline.limited).toBe(true);
    expect(room.timeline.events).toMatchObject([{ content: { body: '3' } }, { content: { name: 'late' } }]);
    expect(room.state.events).toMatchObject([{ type: 'm.room.topic', content: { topic: 'early' } }]);
  });

  test('with full_state has the whole state of all joined rooms', async () => {
    const { next_batch: since, rooms: before } = await sync('bob');
    const { rooms } = await sync('bob', { since, full_state: 'true', timeout: '30000' });
    expect(new Set(Object.keys(rooms.join))).toEqual(new Set(Object.keys(before.join)));
    expect(stateIn(rooms.join[roomNamed('v10')], 'm.room.create')).toMatchObject({ room_version: '10' });
    expect(rooms.join[roomNamed('v10')].timeline.events).toEqual([]);
  });

  test('shows an invite, the join with the whole state, the leave, and then nothing', async () => {
    let since = await positionOf('frank');
    const step = async (...drafts: Json[]): Promise<Json> => {
      await append('v9', ...drafts);
      const { next_batch: next, rooms } = await sync('frank', { since });
      since = next;
      return rooms;
    };
    const roomId = roomNamed('v9');
    const invited = await step(member('alice', 'frank', 'invite'));
    expect(Object.keys(invited.invite)).toEqual([roomId]);
    expect(invited.join).toEqual({});
    const joined = await step(member('frank', 'frank', 'join'));
    expect(joined.invite).toEqual({});
    expect(stateIn(joined.join[roomId], 'm.room.create')).toMatchObject({ room_version: '9' });
    expect(joined.join[roomId].timeline.limited).toBe(true);
    const left = await step(member('alice', 'frank', 'leave'), {
      type: 'm.room.message',
      sender: idOf('alice'),
      content: message('behind the back of frank'),
    });
    expect(left.join).toEqual({});
    expect(left.leave[roomId].timeline.events).toMatchObject([
      { sender: idOf('alice'), state_key: idOf('frank'), content: { membership: 'leave' } },
    ]);
    await append('v9', { type: 'm.room.message', sender: idOf('alice'), content: message('still not for frank') });
    const { rooms = {} } = await sync('frank', { since });
    expect([rooms.join, rooms.leave]).toEqual([{}, {}]);
  });

  test('shows a room that was left and joined again in between as a new one', async () => {
    const since = await positionOf('carol');
    await append('v8', member('carol', 'carol', 'leave'), member('carol', 'carol', 'join'));
    const { rooms } = await sync('carol', { since });
    expect(rooms.leave).toEqual({});
    expect(rooms.join[roomNamed('v8')].timeline.limited).toBe(true);
    expect(stateIn(rooms.join[roomNamed('v8')], 'm.room.create')).toMatchObject({ room_version: '8' });
  });

  test('shows a joined and left room only from the join to the leave', async () => {
    const since = await positionOf('frank');
    const say = (body: string): Json => ({ type: 'm.room.message', sender: idOf('alice'), content: message(body) });
    const come = member('frank', 'frank', 'join');
    await append('v7', say('before'), come, say('during'), member('frank', 'frank', 'leave'), say('after'));
    const { rooms } = await sync('frank', { since });
    expect(bodiesOf(rooms.leave[roomNamed('v7')])).toEqual([undefined, 'during', undefined]);
  });

  test('hides messages from before the join if the room does', async () => {
    const since = await positionOf('frank');
    const say = (body: string): Json => ({ type: 'm.room.message', sender: idOf('alice'), content: message(body) });
    const visibility = { history_visibility: 'joined' };
    await append('v6', {
      type: 'm.room.history_visibility',
      sender: idOf('alice'),
      stateKey: '',
      content: visibility,
    });
    await append('v6', say('hidden'));
    await append('v6', member('frank', 'frank', 'join'));
    await append('v6', say('shown'));
    const { rooms } = await sync('frank', { since });
    const bodies = bodiesOf(rooms.join[roomNamed('v6')]);
    expect(bodies).toContain('shown');
    expect(bodies).not.toContain('hidden');
  });
});

describe('filters', () => {
  test('choose rooms, types, senders and the length of timelines', async () => {
    const roomId = roomNamed('v10');
    const only = (room: Json): Promise<Json> => sync('alice', { filter: filterOf({ room }) });
    await send('v10', 'by bob', 'bob');
    await send('v10', 'by carol', 'carol');
    const timeline = { limit: 1, types: ['m.room.mess*'], not_senders: [idOf('carol')] };
    const { rooms } = await only({ rooms: [roomId], timeline, state: { types: ['m.room.name'] } });
    expect(Object.keys(rooms.join)).toEqual([roomId]);
    expect(bodiesOf(rooms.join[roomId])).toEqual(['by bob']);
    expect(rooms.join[roomId].state.events.map(({ type }: Json) => type)).toEqual(['m.room.name']);
    expect((await only({ not_rooms: [roomId] })).rooms.join).not.toHaveProperty([roomId]);
    const { account_data: none } = await sync('alice', { filter: filterOf({ account_data: { types: [] } }) });
    expect(none.events).toEqual([]);
  });

  test('load only the members that the timeline needs', async () => {
    await send('v10', 'hello', 'carol');
    const filter = filterOf({ room: { timeline: { limit: 1 }, state: { lazy_load_members: true } } });
    const { rooms } = await sync('alice', { filter });
    const members = rooms.join[roomNamed('v10')].state.events.filter(({ type }: Json) => type === 'm.room.member');
    expect(new Set(members.map(({ state_key: key }: Json) => key))).toEqual(new Set([idOf('carol'), idOf('alice')]));
  });

  test('are stored under an id', async () => {
    const path = `/_matrix/client/v3/user/${encodeURIComponent(idOf('alice'))}/filter`;
    const stored = await server.call('alice', 'POST', path, { room: { rooms: [] } });
    expect((await sync('alice', { filter: stored.body.filter_id })).rooms.join).toEqual({});
  });
});

describe('more than rooms', () => {
  test('receipts, of which private ones are for their user only', async () => {
    const [alice, bob] = [await positionOf('alice'), await positionOf('bob')];
    const [roomId, eventId] = [roomNamed('v10'), await send('v10', 'read me')];
    const receipt = { room_id: roomId, user_id: idOf('alice'), event_id: eventId, receipt_ts: 5 };
    await server.homeserver.db('syncapi_receipts').insert([
      { ...receipt, receipt_type: 'm.read.x' },
      { ...receipt, receipt_type: 'm.read.private' },
    ]);
    const receiptsOf = async (user: User, since: string): Promise<Json> =>
      (await sync(user, { since })).rooms.join[roomId].ephemeral.events;
    const shown = { [idOf('alice')]: { ts: 5 } };
    expect(await receiptsOf('bob', bob)).toEqual([
      { type: 'm.receipt', content: { [eventId]: { 'm.read.x': shown } } },
    ]);
    expect(await receiptsOf('alice', alice)).toEqual([
      { type: 'm.receipt', content: { [eventId]: { 'm.read.x': shown, 'm.read.private': shown } } },
    ]);
  });

  test('account data, global and of a room', async () => {
    const since = await positionOf('alice');
    const base = `/_matrix/client/v3/user/${encodeURIComponent(idOf('alice'))}`;
    const room = `${base}/rooms/${encodeURIComponent(roomNamed('v10'))}`;
    await server.call('alice', 'PUT', `${base}/account_data/org.example.global`, { a: 1 });
    await server.call('alice', 'PUT', `${room}/account_data/org.example.room`, { b: 2 });
    const { account_data: global, rooms } = await sync('alice', { since });
    expect(global.events).toEqual([{ type: 'org.example.global', content: { a: 1 } }]);
    expect(rooms.join[roomNamed('v10')].account_data.events).toEqual([{ type: 'org.example.room', content: { b: 2 } }]);
  });

  test('to-device messages, until the device has received them', async () => {
    const { db } = server.homeserver;
    const since = await positionOf('bob');
    const to = { user_id: idOf('bob'), device_id: 'shared_secret_registration' };
    const content = (n: number): Json => ({ sender: idOf('alice'), type: 'org.example.test', content: { n } });
    const rows = Array.from({ length: 101 }, (_, n) => ({ ...to, content: JSON.stringify(content(n)) }));
    await db('syncapi_send_to_device').insert([...rows, { ...to, device_id: 'other', content: '{}' }]);
    const first = await sync('bob', { since });
    expect(first.to_device.events).toEqual(Array.from({ length: 100 }, (_, n) => content(n)));
    const again = await sync('bob', { since });
    expect(again.to_device.events).toEqual(first.to_device.events);
    const second = await sync('bob', { since: first.next_batch });
    expect(second.to_device.events).toEqual([content(100)]);
    await sync('bob', { since: second.next_batch, full_state: 'true' });
    expect(await db('syncapi_send_to_device').pluck('device_id')).toEqual(['other']);
  });

  test('device lists of users who share a room, and key counts', async () => {
    const { db } = server.homeserver;
    const change = (user: User): Promise<unknown> =>
      db.raw(
        `INSERT INTO keyserver_key_changes (user_id) VALUES (?)
         ON CONFLICT (user_id) DO UPDATE SET change_id = nextval('keyserver_key_changes_seq')`,
        [idOf(user)],
      );
    let since = await positionOf('alice');
    await change('bob');
    await change('admin');
    const own = { user_id: idOf('alice'), device_id: 'shared_secret_registration', key_json: '{}', ts_added_secs: 0 };
    await db('keyserver_one_time_keys').insert({ ...own, key_id: 'A', algorithm: 'org.example.a' });
    await db('keyserver_fallback_keys').insert({ ...own, key_id: 'B', algorithm: 'signed_curve25519', used: false });
    const changed = await sync('alice', { since });
    expect(changed).toMatchObject({
      device_lists: { changed: [idOf('bob')], left: [] },
      device_one_time_keys_count: { 'org.example.a': 1 },
      device_unused_fallback_key_types: ['signed_curve25519'],
    });
    since = changed.next_batch;
    await append('v5', member('frank', 'frank', 'join'));
    expect((await sync('alice', { since })).device_lists.changed).toEqual([idOf('frank')]);
  });
});

describe('wrong requests', () => {
  test.each([
    ['since=yesterday', 'M_INVALID_PARAM'],
    ['since=s1_2', 'M_INVALID_PARAM'],
    ['timeout=soon', 'M_INVALID_PARAM'],
    ['filter={', 'M_BAD_JSON'],
    ['filter={"room":{"timeline":{"limit":-1}}}', 'M_BAD_JSON'],
    ['filter=999', 'M_NOT_FOUND'],
  ])('%s', async (query, errcode) => {
    const { status, body } = await server.call('alice', 'GET', encodeURI(`/_matrix/client/v3/sync?${query}`));
    expect([status, body.errcode]).toEqual([errcode === 'M_NOT_FOUND' ? 404 : 400, errcode]);
  });
});

describe('a purged room', () => {
  const path = (action: string, room = 'v4'): string =>
    `/_matrix/client/v3/rooms/${encodeURIComponent(roomNamed(room))}/${action}`;
  const purge = (room: string): Promise<unknown> =>
    server.homeserver.admin.operations.purgeRoom(
      { roomId: roomNamed(room) },
      { actor: { kind: 'system', name: 'test' } },
    );

  test('is left by each device, whether it waits or is offline, exactly once', async () => {
    const offline = await positionOf('alice');
    const waiting = sync('alice', { since: offline, timeout: '20000' });
    const invited = await positionOf('dave');
    await purge('v4');
    for (const [user, since] of [
      ['alice', offline],
      ['dave', invited],
    ] as const) {
      const { rooms, next_batch: next } = await sync(user, { since });
      expect(Object.keys(rooms.leave)).toEqual([roomNamed('v4')]);
      expect(rooms.leave[roomNamed('v4')].timeline.events).toMatchObject([
        { type: 'm.room.member', sender: idOf(user), state_key: idOf(user), content: { membership: 'leave' } },
      ]);
      expect((await sync(user, { since: next })).rooms).toBeUndefined();
    }
    expect(Object.keys((await waiting).rooms.leave)).toEqual([roomNamed('v4')]);
    const fresh = await sync('alice');
    expect([Object.keys(fresh.rooms.leave), fresh.rooms.join[roomNamed('v4')]]).toEqual([[], undefined]);
  });

  test('can be left and forgotten by those who were in it, and by nobody else', async () => {
    for (const action of ['leave', 'leave', 'forget']) {
      expect((await server.call('alice', 'POST', path(action), {})).status).toBe(200);
    }
    expect((await server.call('frank', 'POST', path('leave'), {})).status).not.toBe(200);
    expect((await server.call('frank', 'POST', path('forget'), {})).status).toBe(400);
  });
});
