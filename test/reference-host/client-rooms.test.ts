import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Answer,
  type FixtureHomeserver,
  fixture,
  type Json,
  startFixtureHomeserver,
} from './fixture-homeserver.ts';

type Name = keyof typeof fixture.users;

let server: FixtureHomeserver;
beforeAll(async () => {
  server = await startFixtureHomeserver();
});
afterAll(() => server.stop());

const V3 = '/_matrix/client/v3';
const { alice, bob, carol, dave } = fixture.users;
const nobody = `@nobody:${fixture.server_name}`;

/** Sends a request that must succeed. @returns the body of the answer */
async function ok(user: Name, method: string, path: string, body: unknown = {}): Promise<Json> {
  const answer = await server.call(user, method, `${V3}${path}`, method === 'GET' ? undefined : body);
  expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
  return answer.body;
}

/** Sends a request that must fail. @returns status and error code */
async function refused(user: Name, method: string, path: string, body: unknown = {}): Promise<[number, string]> {
  const answer = await server.call(user, method, `${V3}${path}`, method === 'GET' ? undefined : body);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  return [answer.status, answer.body.errcode];
}

const inRoom = (roomId: string, path: string): string => `/rooms/${encodeURIComponent(roomId)}/${path}`;
const create = async (request: Record<string, unknown> = {}, user: Name = 'alice'): Promise<string> =>
  (await ok(user, 'POST', '/createRoom', request)).room_id;
const state = (roomId: string, type: string, user: Name = 'alice'): Promise<Json> =>
  ok(user, 'GET', inRoom(roomId, `state/${type}/`));
const membershipOf = async (roomId: string, userId: string, user: Name = 'alice'): Promise<string> =>
  (await ok(user, 'GET', inRoom(roomId, `state/m.room.member/${userId}`))).membership;

let messages = 0;
const say = async (user: Name, roomId: string, body: string): Promise<string> => {
  const path = inRoom(roomId, `send/m.room.message/${messages++}`);
  return (await ok(user, 'PUT', path, { msgtype: 'm.text', body })).event_id;
};
/** The texts of messages that a user sees, oldest first. */
const texts = async (user: Name, roomId: string): Promise<string[]> => {
  const { chunk } = await ok(user, 'GET', inRoom(roomId, 'messages?dir=f&limit=100'));
  return chunk.filter(({ type }: Json) => type === 'm.room.message').map(({ content }: Json) => content.body);
};

describe('creating a room', () => {
  test('writes the events that the request names, in a private room', async () => {
    const roomId = await create({
      name: 'Garden',
      topic: 'Plants',
      room_alias_name: 'garden',
      invite: [bob.user_id],
      is_direct: true,
      creation_content: { 'm.federate': false },
      power_level_content_override: { events_default: 7 },
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
    });
    expect(await state(roomId, 'm.room.create')).toMatchObject({ creator: alice.user_id, 'm.federate': false });
    expect(await state(roomId, 'm.room.name')).toEqual({ name: 'Garden' });
    expect(await state(roomId, 'm.room.topic')).toEqual({ topic: 'Plants' });
    expect(await state(roomId, 'm.room.join_rules')).toEqual({ join_rule: 'invite' });
    expect(await state(roomId, 'm.room.guest_access')).toEqual({ guest_access: 'can_join' });
    expect(await state(roomId, 'm.room.history_visibility')).toEqual({ history_visibility: 'joined' });
    expect(await state(roomId, 'm.room.canonical_alias')).toEqual({ alias: `#garden:${fixture.server_name}` });
    expect(await state(roomId, 'm.room.power_levels')).toMatchObject({
      users: { [alice.user_id]: 100 },
      events_default: 7,
      ban: 50,
    });
    const invite = await ok('alice', 'GET', inRoom(roomId, `state/m.room.member/${bob.user_id}`));
    expect(invite).toEqual({ membership: 'invite', displayname: 'bob', is_direct: true });
    expect(await ok('carol', 'GET', `/directory/room/${encodeURIComponent(`#garden:${fixture.server_name}`)}`)).toEqual(
      {
        room_id: roomId,
        servers: [fixture.server_name],
      },
    );
  });

  test.each(['1', '6', '10', '11', '12'])('of version %s lets a trusted user do everything', async (version) => {
    const preset = 'trusted_private_chat';
    const roomId = await create({ room_version: version, preset, invite: [bob.user_id] });
    await ok('bob', 'POST', inRoom(roomId, 'join'));
    await ok('bob', 'PUT', inRoom(roomId, 'state/m.room.power_levels'), {
      ...(await state(roomId, 'm.room.power_levels', 'bob')),
      events_default: 1,
    });
    expect((await ok('bob', 'GET', '/joined_rooms')).joined_rooms).toContain(roomId);
  });

  test('fails as a whole', async () => {
    const before = await server.homeserver.db('roomserver_rooms').count();
    await create({ room_alias_name: 'taken' });
    expect(await refused('alice', 'POST', '/createRoom', { room_alias_name: 'taken' })).toEqual([400, 'M_ROOM_IN_USE']);
    expect(await refused('alice', 'POST', '/createRoom', { invite: [nobody] })).toEqual([404, 'M_NOT_FOUND']);
    expect(await refused('alice', 'POST', '/createRoom', { invite: ['@x:elsewhere.example'] })).toEqual([
      403,
      'M_FORBIDDEN',
    ]);
    expect(await refused('alice', 'POST', '/createRoom', { room_version: '99' })).toEqual([400, 'M_UNKNOWN']);
    const shut = { power_level_content_override: { users: {} }, name: 'x' };
    expect(await refused('alice', 'POST', '/createRoom', shut)).toEqual([403, 'M_FORBIDDEN']);
    const after = await server.homeserver.db('roomserver_rooms').count();
    expect(Number(after[0]?.count)).toBe(Number(before[0]?.count) + 1);
  });
});

describe('membership', () => {
  test('goes from invite to join, kick, ban, unban and knock', async () => {
    const roomId = await create({ room_version: '11' });
    const target = { user_id: bob.user_id, reason: 'because' };
    expect(await refused('bob', 'POST', inRoom(roomId, 'join'))).toEqual([403, 'M_FORBIDDEN']);
    expect(await refused('bob', 'POST', inRoom(roomId, 'invite'), target)).toEqual([403, 'M_FORBIDDEN']);
    expect(await refused('alice', 'POST', inRoom(roomId, 'kick'), target)).toEqual([403, 'M_FORBIDDEN']);
    await ok('alice', 'POST', inRoom(roomId, 'invite'), target);
    await ok('bob', 'POST', `/join/${encodeURIComponent(roomId)}`);
    const joined = await ok('alice', 'GET', inRoom(roomId, 'joined_members'));
    expect(joined.joined[bob.user_id]).toEqual({ display_name: 'bob', avatar_url: null });
    await ok('alice', 'POST', inRoom(roomId, 'kick'), target);
    expect(await ok('alice', 'GET', inRoom(roomId, `state/m.room.member/${bob.user_id}?format=event`))).toMatchObject({
      sender: alice.user_id,
      content: { membership: 'leave', reason: 'because' },
    });
    await ok('alice', 'POST', inRoom(roomId, 'ban'), target);
    await ok('alice', 'POST', inRoom(roomId, 'unban'), target);
    expect(await membershipOf(roomId, bob.user_id)).toBe('leave');
    await ok('alice', 'PUT', inRoom(roomId, 'state/m.room.join_rules'), { join_rule: 'knock' });
    expect(await ok('bob', 'POST', `/knock/${encodeURIComponent(roomId)}`)).toEqual({ room_id: roomId });
    expect(await membershipOf(roomId, bob.user_id)).toBe('knock');
  });

  test('a join again changes nothing', async () => {
    const roomId = await create();
    const events = (): Promise<unknown> => ok('alice', 'GET', inRoom(roomId, 'messages?dir=b&limit=1'));
    const before = await events();
    await ok('alice', 'POST', inRoom(roomId, 'join'));
    expect(await events()).toEqual(before);
  });

  test('a room that is left can be forgotten', async () => {
    const roomId = await create();
    expect(await refused('alice', 'POST', inRoom(roomId, 'forget'))).toEqual([400, 'M_UNKNOWN']);
    await ok('alice', 'POST', inRoom(roomId, 'leave'));
    await ok('alice', 'POST', inRoom(roomId, 'forget'));
    expect((await ok('alice', 'GET', '/joined_rooms')).joined_rooms).not.toContain(roomId);
    expect(await refused('alice', 'POST', inRoom(roomId, 'leave'))).toEqual([403, 'M_FORBIDDEN']);
  });

  test('nobody can join a blocked room', async () => {
    const roomId = await create({ preset: 'public_chat' });
    const block = (blocked: boolean): Promise<Answer> =>
      server.call('admin', 'PUT', `/_synapse/admin/v1/rooms/${encodeURIComponent(roomId)}/block`, { block: blocked });
    await block(true);
    const target = { user_id: bob.user_id };
    expect(await refused('alice', 'POST', inRoom(roomId, 'invite'), target)).toEqual([403, 'M_FORBIDDEN']);
    expect(await refused('bob', 'POST', inRoom(roomId, 'join'))).toEqual([403, 'M_FORBIDDEN']);
    await say('alice', roomId, 'still here');
    await block(false);
    await ok('bob', 'POST', inRoom(roomId, 'join'));
  });

  test('a suspended user can only leave', async () => {
    const roomId = await create({ preset: 'public_chat', invite: [dave.user_id] });
    await ok('bob', 'POST', inRoom(roomId, 'join'));
    const suspend = (suspended: boolean): Promise<Answer> =>
      server.call('admin', 'PUT', `/_matrix/client/v1/admin/suspend/${bob.user_id}`, { suspended });
    await suspend(true);
    const attempts: [string, string, unknown?][] = [
      ['POST', '/createRoom'],
      ['POST', inRoom(roomId, 'invite'), { user_id: carol.user_id }],
      ['PUT', inRoom(roomId, 'state/m.room.topic'), { topic: 'x' }],
    ];
    for (const [method, path, body] of attempts) {
      expect(await refused('bob', method, path, body)).toEqual([403, 'M_USER_SUSPENDED']);
    }
    await ok('bob', 'POST', inRoom(roomId, 'leave'));
    expect(await refused('bob', 'POST', inRoom(roomId, 'join'))).toEqual([403, 'M_USER_SUSPENDED']);
    await suspend(false);
  });

  test('a shadow-banned user changes nothing for others', async () => {
    const roomId = await create({ preset: 'public_chat' }, 'dave');
    const path = `/_synapse/admin/v1/users/${dave.user_id}/shadow_ban`;
    await server.call('admin', 'POST', path);
    await ok('dave', 'POST', inRoom(roomId, 'invite'), { user_id: bob.user_id });
    const sent = await ok('dave', 'PUT', inRoom(roomId, 'state/m.room.topic'), { topic: 'x' });
    expect(sent.event_id).toMatch(/^\$[\w-]{43}$/);
    const other = await create({ invite: [bob.user_id] }, 'dave');
    await server.call('admin', 'DELETE', path);
    for (const id of [roomId, other]) {
      expect(await refused('dave', 'GET', inRoom(id, `state/m.room.member/${bob.user_id}`))).toEqual([
        404,
        'M_NOT_FOUND',
      ]);
    }
    expect(await refused('dave', 'GET', inRoom(roomId, 'state/m.room.topic'))).toEqual([404, 'M_NOT_FOUND']);
  });
});

describe('history', () => {
  test('is read in both directions, page by page', async () => {
    const roomId = await create();
    const sent: string[] = [];
    for (let i = 0; i < 5; i += 1) sent.push(await say('alice', roomId, `message ${i}`));
    const filter = encodeURIComponent(JSON.stringify({ types: ['m.room.message'] }));
    const page = (dir: string, from = ''): Promise<Json> =>
      ok('alice', 'GET', inRoom(roomId, `messages?dir=${dir}&limit=3&filter=${filter}&from=${from}`));
    for (const [dir, expected] of [
      ['f', sent],
      ['b', sent.toReversed()],
    ] as const) {
      const first = await page(dir);
      const second = await page(dir, first.end);
      expect([...first.chunk, ...second.chunk].map(({ event_id: id }: Json) => id)).toEqual(expected);
      expect((await page(dir, second.end)).chunk).toEqual([]);
    }
    expect(await refused('alice', 'GET', inRoom(roomId, 'messages?dir=f&from=x'))).toEqual([400, 'M_INVALID_PARAM']);
    expect(await refused('bob', 'GET', inRoom(roomId, 'messages?dir=f'))).toEqual([403, 'M_FORBIDDEN']);
  });

  test('has one event, and its neighbours', async () => {
    const roomId = await create();
    const [before, middle, after] = [
      await say('alice', roomId, 'before'),
      await say('alice', roomId, 'middle'),
      await say('alice', roomId, 'after'),
    ];
    const event = await ok('alice', 'GET', inRoom(roomId, `event/${middle}`));
    expect(event).toMatchObject({
      event_id: middle,
      room_id: roomId,
      content: { body: 'middle' },
      sender: alice.user_id,
    });
    const context = await ok('alice', 'GET', inRoom(roomId, `context/${middle}?limit=2`));
    expect(context.events_before).toMatchObject([{ event_id: before }]);
    expect(context.events_after).toMatchObject([{ event_id: after }]);
    expect(context.state.map(({ type }: Json) => type)).toContain('m.room.create');
    expect(await refused('alice', 'GET', inRoom(roomId, 'event/$none'))).toEqual([404, 'M_NOT_FOUND']);
  });

  test('has the events that relate to an event', async () => {
    const roomId = await create();
    const parent = await say('alice', roomId, 'parent');
    const react = async (key: string): Promise<string> => {
      const relation = { rel_type: 'm.annotation', event_id: parent, key };
      const path = inRoom(roomId, `send/m.reaction/${messages++}`);
      return (await ok('alice', 'PUT', path, { 'm.relates_to': relation })).event_id;
    };
    const reactions = [await react('a'), await react('b'), await react('\0')];
    const page = async (path: string): Promise<Json> => {
      const at = `/_matrix/client/v1${inRoom(roomId, `relations/${parent}${path}`)}`;
      return (await server.call('alice', 'GET', at)).body;
    };
    const first = await page('/m.annotation/m.reaction?limit=2');
    const second = await page(`?limit=2&from=${first.next_batch}`);
    const ids = [...first.chunk, ...second.chunk].map(({ event_id: id }: Json) => id);
    expect([ids, second.next_batch]).toEqual([reactions.toReversed(), undefined]);
    expect((await page('?dir=f')).chunk.map(({ event_id: id }: Json) => id)).toEqual(reactions);
    expect((await page('/m.thread')).chunk).toEqual([]);
  });

  test('of a member whose events have odd characters is read', async () => {
    const roomId = await create({ preset: 'public_chat' });
    await ok('bob', 'POST', inRoom(roomId, 'join'), { reason: 'a\0b' });
    await say('bob', roomId, 'hello');
    expect(await texts('bob', roomId)).toEqual(['hello']);
  });

  test.each([
    ['shared', ['before', 'invited', 'joined']],
    ['invited', ['invited', 'joined']],
    ['joined', ['joined']],
    ['world_readable', ['before', 'invited', 'joined', 'after']],
  ])('that is %s shows a former member what the member may see', async (visibility, expected) => {
    const content = { history_visibility: visibility };
    const roomId = await create({ initial_state: [{ type: 'm.room.history_visibility', content }] });
    await say('alice', roomId, 'before');
    await ok('alice', 'POST', inRoom(roomId, 'invite'), { user_id: bob.user_id });
    await say('alice', roomId, 'invited');
    await ok('bob', 'POST', inRoom(roomId, 'join'));
    await say('alice', roomId, 'joined');
    expect(await texts('bob', roomId)).toEqual(expected.slice(0, expected.indexOf('joined') + 1));
    await ok('bob', 'POST', inRoom(roomId, 'leave'));
    const hidden = await say('alice', roomId, 'after');
    await ok('alice', 'PUT', inRoom(roomId, 'state/m.room.name'), { name: 'Later' });
    expect(await texts('bob', roomId)).toEqual(expected);
    const isOpen = visibility === 'world_readable';
    for (const path of [inRoom(roomId, `event/${hidden}`), inRoom(roomId, 'state/m.room.name')]) {
      expect((await server.call('bob', 'GET', `${V3}${path}`)).status).toBe(isOpen ? 200 : 404);
    }
    expect((await server.call('carol', 'GET', `${V3}${inRoom(roomId, 'state')}`)).status).toBe(isOpen ? 200 : 403);
  });
});

describe('state', () => {
  test('is listed, read and set', async () => {
    const roomId = await create();
    const sent = await ok('alice', 'PUT', inRoom(roomId, 'state/org.example.flag/x'), { on: true });
    expect(await ok('alice', 'GET', inRoom(roomId, 'state/org.example.flag/x'))).toEqual({ on: true });
    const all = await ok('alice', 'GET', inRoom(roomId, 'state'));
    expect(all.find((event: Json) => event.event_id === sent.event_id)).toMatchObject({
      state_key: 'x',
      room_id: roomId,
    });
    expect(await refused('alice', 'GET', inRoom(roomId, 'state/org.example.flag/'))).toEqual([404, 'M_NOT_FOUND']);
    expect(await refused('bob', 'PUT', inRoom(roomId, 'state/org.example.flag/x'))).toEqual([403, 'M_FORBIDDEN']);
    const member = inRoom(roomId, `state/m.room.member/${bob.user_id}`);
    await ok('alice', 'PUT', member, { membership: 'invite' });
    expect(await membershipOf(roomId, bob.user_id)).toBe('invite');
    const members = await ok('alice', 'GET', inRoom(roomId, 'members?not_membership=invite'));
    expect(members.chunk.map((event: Json) => event.state_key)).toEqual([alice.user_id]);
  });
});

describe('the room directory', () => {
  const alias = `#meadow:${fixture.server_name}`;
  const path = `/directory/room/${encodeURIComponent(alias)}`;

  test('has aliases', async () => {
    const roomId = await create({ preset: 'public_chat' });
    expect(await refused('bob', 'PUT', path, { room_id: roomId })).toEqual([403, 'M_FORBIDDEN']);
    await ok('alice', 'PUT', path, { room_id: roomId });
    expect(await refused('alice', 'PUT', path, { room_id: roomId })).toEqual([409, 'M_UNKNOWN']);
    expect(await ok('bob', 'POST', `/join/${encodeURIComponent(alias)}`)).toEqual({ room_id: roomId });
    expect(await ok('bob', 'GET', inRoom(roomId, 'aliases'))).toEqual({ aliases: [alias] });
    expect(await refused('bob', 'DELETE', path)).toEqual([403, 'M_FORBIDDEN']);
    await ok('alice', 'DELETE', path);
    expect(await refused('bob', 'GET', path)).toEqual([404, 'M_NOT_FOUND']);
  });

  test('lists published rooms, and searches them', async () => {
    const space = { creation_content: { type: 'm.space' }, name: 'Blue space', visibility: 'public' };
    const [blue, red] = [await create(space), await create({ name: 'Red room', topic: 'Roses' })];
    const listed = `/directory/list/room/${encodeURIComponent(red)}`;
    expect(await ok('bob', 'GET', listed)).toEqual({ visibility: 'private' });
    expect(await refused('bob', 'PUT', listed, { visibility: 'public' })).toEqual([403, 'M_FORBIDDEN']);
    await ok('alice', 'PUT', listed, { visibility: 'public' });
    const search = async (filter: Json): Promise<string[]> =>
      (await ok('bob', 'POST', '/publicRooms', { filter })).chunk.map(({ room_id: id }: Json) => id);
    expect(await search({ generic_search_term: 'ROSES' })).toEqual([red]);
    expect(await search({ room_types: ['m.space'] })).toEqual([blue]);
    expect(await search({ room_types: [null], generic_search_term: 'r' })).toContain(red);
    const first = await ok('bob', 'GET', '/publicRooms?limit=1');
    expect(first).toMatchObject({
      chunk: [expect.anything()],
      next_batch: '1',
      total_room_count_estimate: expect.any(Number),
    });
    const rest = await ok('bob', 'GET', '/publicRooms?since=1');
    const entry = [...first.chunk, ...rest.chunk].find(({ room_id: id }: Json) => id === red);
    expect(entry).toEqual({
      room_id: red,
      name: 'Red room',
      topic: 'Roses',
      join_rule: 'invite',
      num_joined_members: 1,
      guest_can_join: true,
      world_readable: false,
    });
    await ok('admin', 'PUT', listed, { visibility: 'private' });
    expect(await search({ generic_search_term: 'ROSES' })).toEqual([]);
  });

  test('finds users', async () => {
    const search = async (term: string): Promise<Json> =>
      ok('bob', 'POST', '/user_directory/search', { search_term: term });
    expect((await search('ALIC')).results).toEqual([{ user_id: alice.user_id, display_name: 'Alice' }]);
    // An application service may have registered an account with capital letters.
    await server.homeserver.db('userapi_accounts').insert({
      localpart: 'Zelda',
      server_name: fixture.server_name,
      account_type: 1,
      created_ts: 0,
    });
    expect((await search('Zeld')).results).toMatchObject([{ user_id: `@Zelda:${fixture.server_name}` }]);
    expect(await search('there is nobody')).toEqual({ limited: false, results: [] });
  });
});

test('receipts and read markers are stored, typing is accepted', async () => {
  const roomId = await create();
  const eventId = await say('alice', roomId, 'hello');
  await ok('alice', 'POST', inRoom(roomId, `receipt/m.read/${eventId}`));
  await ok('alice', 'POST', inRoom(roomId, 'read_markers'), { 'm.fully_read': eventId, 'm.read.private': eventId });
  await ok('alice', 'PUT', inRoom(roomId, `typing/${alice.user_id}`), { typing: true, timeout: 1_000 });
  const rows = await server.homeserver.db('syncapi_receipts').where('room_id', roomId).orderBy('receipt_type');
  expect(rows).toMatchObject([
    { receipt_type: 'm.read', user_id: alice.user_id, event_id: eventId },
    { receipt_type: 'm.read.private', user_id: alice.user_id, event_id: eventId },
  ]);
  const marker = `/user/${alice.user_id}/rooms/${encodeURIComponent(roomId)}/account_data/m.fully_read`;
  expect(await ok('alice', 'GET', marker)).toEqual({ event_id: eventId });
  expect(await refused('bob', 'POST', inRoom(roomId, `receipt/m.read/${eventId}`))).toEqual([403, 'M_FORBIDDEN']);
});
