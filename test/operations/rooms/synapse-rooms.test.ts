import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import type { RoomId } from '../../../src/ids.ts';
import { deny } from '../../../src/pipeline/hooks.ts';
import { hideRoom } from '../../../src/rooms/purge/hide-room.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf, type RequestOptions } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';

const ADMIN = '/_synapse/admin/v1';
const ROOMS = server.rooms;
const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const NOT_FOUND = { errcode: 'M_NOT_FOUND', error: 'Room not found' };
/** Room ids for which a real Synapse was asked too, although no such rooms exist. */
const NO_ROOMS = {
  'an unknown room': `!unknownroom:${SERVER_NAME}`,
  'an unknown room of another server': '!x:remote.example',
  'an alias': `#alpha:${SERVER_NAME}`,
  'a user id': USERS.alice.user_id,
  'an id without a sigil': 'abc',
  'an unknown room of version 12': `!${'A'.repeat(43)}`,
};

type Room = Readonly<Record<string, unknown>> & { readonly room_id: string };
interface List {
  readonly offset: number;
  readonly rooms: Room[];
  readonly total_rooms: number;
  readonly next_batch?: number;
  readonly prev_batch?: number;
}
interface Event {
  readonly event_id: string;
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

let plugin: MountedPlugin;
let db: Knex;
/** The rooms that have events. */
let known: string[];
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
  known = await db('roomserver_rooms').whereRaw(`latest_event_nids <> '{}'`).pluck('room_id');
});
afterAll(() => plugin.close());

const get = (path: string, options: RequestOptions = {}): Promise<Answer> => plugin.asAdmin(ADMIN + path, options);
const encode = encodeURIComponent;
async function ok<T>(path: string): Promise<T> {
  const answer = await get(path);
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text);
}
const list = (query = ''): Promise<List> => ok(`/rooms${query}`);
const ids = ({ rooms }: List): string[] => rooms.map(({ room_id }) => room_id);

describe('server_version', () => {
  it.each([
    ['without a token', {}],
    ['with an invalid token', bearer('not-a-token')],
    ['with the token of a user', bearer(USERS.alice.access_token)],
  ])('is answered %s', async (_case, headers) => {
    const answer = await plugin.request(`${ADMIN}/server_version`, { headers });
    expect([answer.status, jsonOf(answer)]).toEqual([
      200,
      { server_version: `${packageJson.name} ${packageJson.version}` },
    ]);
  });

  it('is answered only to GET and HEAD', async () => {
    const head = await plugin.request(`${ADMIN}/server_version`, { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
    const post = await plugin.request(`${ADMIN}/server_version`, { method: 'POST', body: '{}' });
    expect([post.status, jsonOf(post).errcode]).toEqual([405, 'M_UNRECOGNIZED']);
    const slash = await plugin.request(`${ADMIN}/server_version/`);
    expect([slash.status, jsonOf(slash).errcode]).toEqual([404, 'M_UNRECOGNIZED']);
  });
});

describe('all of it', () => {
  it('is for administrators, and writes nothing', async () => {
    const room = `/rooms/${encode(ROOMS.v10)}`;
    const paths = [
      '/rooms',
      room,
      `${room}/members`,
      `${room}/state`,
      `${room}/block`,
      `${room}/context/${encode('$x')}`,
      `/users/${encode(USERS.bob.user_id)}/joined_rooms`,
      `/users/${encode(USERS.bob.user_id)}/memberships`,
    ];
    const changes = await changesOf(db, async () => {
      for (const path of paths) {
        const statuses = [{}, bearer('not-a-token'), bearer(USERS.alice.access_token)].map(async (headers) => {
          const answer = await plugin.request(ADMIN + path, { headers });
          return [answer.status, jsonOf(answer).errcode];
        });
        expect(await Promise.all(statuses), path).toEqual([
          [401, 'M_MISSING_TOKEN'],
          [401, 'M_UNKNOWN_TOKEN'],
          [403, 'M_FORBIDDEN'],
        ]);
        await get(path);
      }
    });
    expect(changes).toEqual({});
  });
});

describe('the list of rooms', () => {
  it('has all fields that clients need, and no stubs', async () => {
    const all = await list('?limit=1000');
    expect([all.offset, all.total_rooms, ids(all).sort()]).toEqual([0, known.length, [...known].sort()]);
    expect(Object.keys(all)).toEqual(['offset', 'rooms', 'total_rooms']);
    expect(ids(all)).not.toContain(ROOMS.remoteInvite);
    expect(all.rooms.find(({ room_id }) => room_id === ROOMS.v10)).toEqual({
      room_id: ROOMS.v10,
      name: 'Room v10',
      canonical_alias: `#room-v10:${SERVER_NAME}`,
      joined_members: 4,
      joined_local_members: 3,
      version: '10',
      creator: USERS.alice.user_id,
      encryption: null,
      federatable: true,
      public: true,
      join_rules: 'public',
      guest_access: null,
      history_visibility: 'shared',
      state_events: 12,
      room_type: null,
    });
    expect(all.rooms.find(({ room_id }) => room_id === ROOMS.encrypted)).toMatchObject({
      encryption: 'm.megolm.v1.aes-sha2',
    });
  });

  /** Some of the expected values are the answers of a real Synapse with the same number of rooms, for `from` and `limit`. */
  it.each([
    ['?limit=2', { offset: 0, shown: 2, next_batch: 2 }],
    ['?limit=2&from=2', { offset: 2, shown: 2, next_batch: 4, prev_batch: 0 }],
    ['?from=1000', { offset: 1000, shown: 0, prev_batch: 900 }],
    ['?limit=0', { offset: 0, shown: 0, next_batch: 0 }],
    ['?limit=3&from=5', { offset: 5, shown: 3, next_batch: 8, prev_batch: 2 }],
  ])('is paged by %s as in Synapse', async (query, { shown, ...batches }) => {
    const { rooms, ...rest } = await list(query);
    expect([rooms.length, rest]).toEqual([shown, { ...batches, total_rooms: known.length }]);
  });

  const ORDERS: readonly (readonly [orderBy: string, key: string, largestFirst: boolean])[] = [
    ['alphabetical', 'name', false],
    ['size', 'joined_members', true],
    ['name', 'name', false],
    ['canonical_alias', 'canonical_alias', false],
    ['joined_members', 'joined_members', true],
    ['joined_local_members', 'joined_local_members', true],
    ['version', 'version', true],
    ['creator', 'creator', false],
    ['encryption', 'encryption', false],
    ['federatable', 'federatable', false],
    ['public', 'public', false],
    ['join_rules', 'join_rules', false],
    ['guest_access', 'guest_access', false],
    ['history_visibility', 'history_visibility', false],
    ['state_events', 'state_events', true],
  ];
  it.each(ORDERS)('can be ordered by %s', async (orderBy, key, largestFirst) => {
    const { rooms } = await list(`?order_by=${orderBy}&limit=1000`);
    const compare = (a: unknown, b: unknown): number => (a === b ? 0 : (a as never) < (b as never) ? -1 : 1);
    const inOrder = [...rooms].sort((a, b) => {
      if (a[key] === null || b[key] === null)
        return Number(a[key] === null) - Number(b[key] === null) || compare(a.room_id, b.room_id);
      return (compare(a[key], b[key]) || compare(a.room_id, b.room_id)) * (largestFirst ? -1 : 1);
    });
    const tell = (list_: readonly Room[]): unknown[] => list_.map((room) => [room[key], room.room_id]);
    expect(tell(rooms)).toEqual(tell(inOrder));
    const reversed = await list(`?order_by=${orderBy}&limit=1000&dir=b`);
    expect(tell(reversed.rooms)).toEqual(tell([...inOrder].reverse()));
    const pages = await Promise.all([0, 4, 8].map((from) => list(`?order_by=${orderBy}&limit=4&from=${from}`)));
    expect(pages.flatMap(ids)).toEqual(inOrder.slice(0, 12).map(({ room_id }) => room_id));
  });

  it.each([
    ['oom v10', [ROOMS.v10]],
    ['ROOM V10', [ROOMS.v10]],
    ['room-v10', [ROOMS.v10]],
    ['#ROOM-v10', [ROOMS.v10]],
    [`#room-v10:${SERVER_NAME}`, [ROOMS.v10]],
    [SERVER_NAME, []],
    [`v10:${SERVER_NAME}`, []],
    [ROOMS.v12, [ROOMS.v12]],
    [ROOMS.v12.slice(0, 8), []],
    ['zzz', []],
    ['%', []],
    ['_', []],
    ['\\', []],
    ["'", []],
  ])('can be searched for %j', async (term, found) => {
    const page = await list(`?search_term=${encode(term)}`);
    expect([ids(page), page.total_rooms]).toEqual([found, found.length]);
  });

  it('can be searched for non-Latin text', async () => {
    await setContent(ROOMS.v9, 'm.room.name', { name: 'Gamma 中文' });
    expect(ids(await list(`?search_term=${encode('中文')}`))).toEqual([ROOMS.v9]);
  });

  it('works whatever users write into their rooms', async () => {
    await setContent(ROOMS.v7, 'm.room.name', { name: 'a\0b\ud800c\\u0000' });
    await setContent(ROOMS.v6, 'm.room.name', { name: { not: 'a text' } });
    await setContent(ROOMS.v5, 'm.room.name', { name: '' });
    for (const query of ['?order_by=name&limit=1000', '?search_term=oom']) {
      const { rooms } = await list(query);
      for (const room of rooms) {
        if ([ROOMS.v6, ROOMS.v5].includes(room.room_id)) expect(room.name).toBeNull();
      }
    }
    expect((await list('?order_by=name&limit=1000')).total_rooms).toBe(known.length);
  });

  it('can be limited to public or empty rooms, or to rooms that are not public or not empty', async () => {
    const published = await db('roomserver_published').where('published', true).pluck('room_id');
    const isPublic = (await list('?public_rooms=true&limit=1000')).rooms;
    expect(isPublic.map(({ room_id }) => room_id).sort()).toEqual([...new Set<string>(published)].sort());
    expect((await list('?public_rooms=false')).total_rooms).toBe(known.length - isPublic.length);
    const { rooms } = await plugin.admin.operations.emptyRooms({}, SYSTEM);
    const empty = rooms.filter((id) => known.includes(id)).sort();
    expect(empty).toContain(ROOMS.emptied);
    expect(ids(await list('?empty_rooms=true')).sort()).toEqual(empty);
    expect((await list('?empty_rooms=false')).total_rooms).toBe(known.length - empty.length);
    expect((await list('?empty_rooms=true&public_rooms=true&search_term=zzz')).total_rooms).toBe(0);
  });

  it.each([
    'limit=-1',
    'from=-1',
    'limit=abc',
    'limit=1.5',
    'from=99999999999999999999',
    'dir=x',
    'search_term=',
    'search_term=%00',
    'empty_rooms=maybe',
    'public_rooms=1',
    'order_by=nonsense',
    'order_by=constructor',
  ])('refuses %s', async (query) => {
    const answer = await get(`/rooms?${query}`);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
  });
});

/** Changes the content of a room's state event. If `as` is given, changes its type too. */
async function setContent(roomId: string, type: string, content: unknown, as = type): Promise<void> {
  const where = { room_id: roomId, type, state_key: '' };
  const { headered_event_json: json } = await db('syncapi_current_room_state').where(where).first();
  await db('syncapi_current_room_state')
    .where(where)
    .update({ type: as, headered_event_json: JSON.stringify({ ...JSON.parse(json), type: as, content }) });
}

describe('one room', () => {
  it.each([encode(ROOMS.v10), ROOMS.v10])('is shown in full under %s', async (path) => {
    const room = await ok<Room>(`/rooms/${path}`);
    const devices = await db('userapi_devices').whereIn('localpart', ['alice', 'bob', 'carol']);
    const { rooms } = await list(`?search_term=${encode(ROOMS.v10)}`);
    expect(room).toEqual({
      ...rooms[0],
      avatar: null,
      topic: 'Topic for version 10',
      joined_local_devices: devices.length,
      forgotten: false,
      tombstoned: false,
      replacement_room: null,
    });
  });

  it('shows its replacement, its topic, and whether it is forgotten', async () => {
    const tombstone = { body: 'moved', replacement_room: ROOMS.v12 };
    await setContent(ROOMS.v4, 'm.room.history_visibility', tombstone, 'm.room.tombstone');
    expect(await ok(`/rooms/${ROOMS.v4}`)).toMatchObject({
      tombstoned: true,
      replacement_room: ROOMS.v12,
      history_visibility: null,
    });
    await setContent(ROOMS.v4, 'm.room.topic', { url: 'mxc://x/y' }, 'm.room.avatar');
    expect(await ok(`/rooms/${ROOMS.v4}`)).toMatchObject({ avatar: 'mxc://x/y', topic: null });
    expect(await ok(`/rooms/${ROOMS.emptied}`)).toMatchObject({
      forgotten: false,
      joined_members: 0,
      joined_local_devices: 0,
    });
    const { room_nid } = await db('roomserver_rooms').where('room_id', ROOMS.emptied).first();
    await db('roomserver_membership').where({ room_nid }).update({ forgotten: true });
    expect(await ok(`/rooms/${ROOMS.emptied}`)).toMatchObject({ forgotten: true });
    await setContent(ROOMS.v3, 'm.room.create', { type: 'm.space', 'm.federate': false });
    expect(await ok(`/rooms/${ROOMS.v3}`)).toMatchObject({ room_type: 'm.space', federatable: false });
  });

  it.each(Object.entries(NO_ROOMS))('is not found if it is %s', async (_case, id) => {
    for (const part of ['', '/members', '/state', `/context/${encode('$x')}`]) {
      const answer = await get(`/rooms/${encode(id)}${part}`);
      expect([answer.status, jsonOf(answer)]).toEqual([404, NOT_FOUND]);
    }
  });
});

describe('the members of a room', () => {
  it('are the joined users of all servers', async () => {
    const { members, total } = await ok<{ members: string[]; total: number }>(`/rooms/${ROOMS.v10}/members`);
    const local = [USERS.alice, USERS.bob, USERS.carol].map(({ user_id }) => user_id);
    expect([total, members.filter((id) => id.endsWith(`:${SERVER_NAME}`)).sort()]).toEqual([4, local]);
    expect(await ok(`/rooms/${ROOMS.emptied}/members`)).toEqual({ members: [], total: 0 });
  });
});

describe('the state of a room', () => {
  it('is shown in the format of client events', async () => {
    const { state } = await ok<{ state: Event[] }>(`/rooms/${ROOMS.v12}/state`);
    expect(state).toHaveLength((await db('syncapi_current_room_state').where('room_id', ROOMS.v12)).length);
    const create = state.find(({ type }) => type === 'm.room.create');
    expect(create).toEqual({
      age: expect.any(Number),
      content: { room_version: '12' },
      event_id: `$${ROOMS.v12.slice(1)}`,
      origin_server_ts: expect.any(Number),
      room_id: ROOMS.v12,
      sender: USERS.alice.user_id,
      state_key: '',
      type: 'm.room.create',
      unsigned: { age: expect.any(Number) },
      user_id: USERS.alice.user_id,
    });
    expect(Math.abs(Date.now() - Number(create?.origin_server_ts) - Number(create?.age))).toBeLessThan(60_000);
    expect(create?.unsigned).toEqual({ age: create?.age });
  });

  it('can be limited to one type', async () => {
    const { state } = await ok<{ state: Event[] }>(`/rooms/${ROOMS.v10}/state?type=m.room.member`);
    expect(new Set(state.map(({ type }) => type))).toEqual(new Set(['m.room.member']));
    expect(state.map(({ state_key }) => state_key)).toContain(USERS.bob.user_id);
    expect(await ok(`/rooms/${ROOMS.v10}/state?type=m.room.nothing`)).toEqual({ state: [] });
  });
});

describe('the context of an event', () => {
  interface Context {
    readonly event: Event;
    readonly events_before: Event[];
    readonly events_after: Event[];
    readonly state: Event[];
    readonly start: string;
    readonly end: string;
  }
  /** Lists the events of a room in the order of their arrival. */
  const timeline = (roomId: string): Promise<string[]> =>
    db('syncapi_output_room_events').where('room_id', roomId).orderBy('id').pluck('event_id');
  const eventIds = (events: readonly Event[]): string[] => events.map(({ event_id }) => event_id);
  const context = (roomId: string, eventId: string, query = ''): Promise<Context> =>
    ok(`/rooms/${encode(roomId)}/context/${encode(eventId)}${query}`);

  it.each([
    ['', 5, 5],
    ['?limit=2', 1, 1],
    ['?limit=1', 0, 1],
    ['?limit=0', 0, 0],
    ['?limit=1000000', 8, 9],
  ])('has its neighbours, with %j as in Synapse', async (query, before, after) => {
    const all = await timeline(ROOMS.v11);
    const at = 8;
    const shown = await context(ROOMS.v11, String(all[at]), query);
    expect(shown.event).toMatchObject({ event_id: all[at], room_id: ROOMS.v11 });
    expect(eventIds(shown.events_before)).toEqual(all.slice(at - before, at).reverse());
    expect(eventIds(shown.events_after)).toEqual(all.slice(at + 1, at + 1 + after));
    expect([shown.start, shown.end]).toEqual([
      expect.stringMatching(/^t\d+_\d+$/),
      expect.stringMatching(/^t\d+_\d+$/),
    ]);
  });

  it('has the state after the last of them, not the current state', async () => {
    const all = await timeline(ROOMS.v11);
    const now = await ok<{ state: Event[] }>(`/rooms/${ROOMS.v11}/state`);
    const last = await context(ROOMS.v11, String(all.at(-1)));
    expect(eventIds(last.state).sort()).toEqual(eventIds(now.state).sort());
    // At the create event, the state has only this event. Later, it also has the creator's membership.
    expect((await context(ROOMS.v11, String(all[0]), '?limit=0')).state.map(({ type }) => type)).toEqual([
      'm.room.create',
    ]);
    const second = await context(ROOMS.v11, String(all[0]), '?limit=1');
    expect(second.state.map(({ type }) => type)).toEqual(['m.room.create', 'm.room.member']);
  });

  it('is found by unencoded ids of all room versions', async () => {
    for (const roomId of [ROOMS.v1, ROOMS.v3, ROOMS.v4, ROOMS.v12]) {
      for (const id of await timeline(roomId)) {
        const redacted = await get(`/rooms/${roomId}/context/${id}?limit=1`);
        if (redacted.status === 404) expect(jsonOf(redacted).error).toMatch(/redacted/);
        else expect((jsonOf(redacted).event as Event).event_id).toBe(id);
      }
    }
    expect((await timeline(ROOMS.v3)).some((id) => id.includes('/'))).toBe(true);
  });

  it('is not found for unknown events, events of other rooms, and redacted events', async () => {
    const [foreign] = await timeline(ROOMS.v12);
    for (const id of [`$${'A'.repeat(43)}`, 'abc', foreign]) {
      const answer = await get(`/rooms/${encode(ROOMS.v11)}/context/${encode(String(id))}`);
      expect([answer.status, jsonOf(answer)]).toEqual([404, { errcode: 'M_NOT_FOUND', error: 'Event not found.' }]);
    }
    const { event_id, room_id } = await db('syncapi_output_room_events')
      .whereLike('headered_event_json', '%"redacted_because"%')
      .first();
    const answer = await get(`/rooms/${encode(room_id)}/context/${encode(event_id)}`);
    expect([answer.status, jsonOf(answer)]).toEqual([
      404,
      { errcode: 'M_NOT_FOUND', error: 'Event not found: it has been redacted' },
    ]);
  });

  it('can be limited to some event types', async () => {
    const all = await timeline(ROOMS.v11);
    const filtered = async (filter: unknown): Promise<string[][]> => {
      const shown = await context(ROOMS.v11, String(all[8]), `?limit=50&filter=${encode(JSON.stringify(filter))}`);
      expect(shown.event.event_id).toBe(all[8]);
      return [shown.events_before, shown.events_after, shown.state].map((events) =>
        [...new Set(events.map(({ type }) => type))].sort(),
      );
    };
    const members = await filtered({ types: ['m.room.member'] });
    expect(members).toEqual([['m.room.member'], ['m.room.member'], ['m.room.member']]);
    const [before, after, state] = await filtered({ types: ['m.room.*'], not_types: ['m.room.m*', 'm.room.create'] });
    expect(before).toEqual(expect.arrayContaining(['m.room.join_rules', 'm.room.power_levels']));
    for (const types of [before, after, state]) {
      expect(types).not.toContain('m.room.create');
      expect(types?.some((type) => type.startsWith('m.room.m'))).toBe(false);
    }
    expect(await filtered({ types: ['m_room_member', '%'] })).toEqual([[], [], []]);
    expect(await filtered({ types: [] })).toEqual([[], [], []]);
    const unfiltered = await context(ROOMS.v11, String(all[8]), `?limit=50&filter=${encode('{}')}`);
    expect([...unfiltered.events_before].reverse().map(({ event_id }) => event_id)).toEqual(all.slice(0, 8));
  });

  it.each([
    ['limit=abc', 'M_INVALID_PARAM'],
    ['limit=-1', 'M_INVALID_PARAM'],
    ['filter=%7B', 'M_NOT_JSON'],
    ['filter=', 'M_NOT_JSON'],
    ['filter=5', 'M_INVALID_PARAM'],
    ['filter=null', 'M_INVALID_PARAM'],
    ['filter=%7B%22types%22:5%7D', 'M_INVALID_PARAM'],
    ['filter=%7B%22lazy_load_members%22:true%7D', 'M_INVALID_PARAM'],
  ])('refuses %s', async (query, errcode) => {
    const [eventId] = await timeline(ROOMS.v11);
    const answer = await get(`/rooms/${ROOMS.v11}/context/${encode(String(eventId))}?${query}`);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, errcode]);
  });
});

describe('the rooms of a user', () => {
  it('are the joined rooms', async () => {
    const { joined_rooms: rooms, total } = await ok<{ joined_rooms: string[]; total: number }>(
      `/users/${encode(USERS.bob.user_id)}/joined_rooms`,
    );
    const joined: string[] = await db('syncapi_current_room_state')
      .where({ type: 'm.room.member', state_key: USERS.bob.user_id, membership: 'join' })
      .pluck('room_id');
    expect([[...rooms].sort(), total]).toEqual([joined.sort(), joined.length]);
    expect(rooms.length).toBeGreaterThan(5);
  });

  it("are listed with the user's membership, including bans and pending invites", async () => {
    const { memberships } = await ok<{ memberships: Record<string, string> }>(
      `/users/${USERS.erin.user_id}/memberships`,
    );
    expect(memberships).toMatchObject({ [ROOMS.remoteInvite]: 'invite' });
    const member = await db('syncapi_current_room_state').where({ type: 'm.room.member', membership: 'ban' }).first();
    const banned = await ok<{ memberships: Record<string, string> }>(`/users/${encode(member.state_key)}/memberships`);
    expect(banned.memberships).toMatchObject({ [member.room_id]: 'ban' });
    // For a remote user, only the memberships that the homeserver knows are shown.
    const remote = await ok<{ memberships: Record<string, string> }>('/users/@nobody:remote.example/memberships');
    expect(remote).toEqual({ memberships: {} });
  });

  it.each([`@nobody:${SERVER_NAME}`, '@x:remote.example', `@ALICE:${SERVER_NAME}`])(
    'are empty for %s',
    async (userId) => {
      expect(await ok(`/users/${encode(userId)}/joined_rooms`)).toEqual({ joined_rooms: [], total: 0 });
    },
  );

  it.each(['alice', '@alice', `!x:${SERVER_NAME}`])('cannot be listed for %s', async (userId) => {
    for (const what of ['joined_rooms', 'memberships']) {
      const answer = await get(`/users/${encode(userId)}/${what}`);
      expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
    }
  });
});

describe('the block of a room', () => {
  const block = (roomId: string, body: unknown): Promise<Answer> =>
    get(`/rooms/${encode(roomId)}/block`, { method: 'PUT', body: JSON.stringify(body) });

  it.each([ROOMS.v2, `!unknownroom:${SERVER_NAME}`, '!x:remote.example'])('is set and removed: %s', async (roomId) => {
    const path = `/rooms/${encode(roomId)}/block`;
    expect(await ok(path)).toEqual({ block: false });
    const setTwice = async (blocked: boolean): Promise<void> => {
      for (let time = 0; time < 2; time++)
        expect(jsonOf(await block(roomId, { block: blocked }))).toEqual({ block: blocked });
    };
    await setTwice(true);
    expect(await ok(path)).toEqual({ block: true, user_id: USERS.admin.user_id });
    expect(await plugin.admin.rooms.check(roomId as RoomId)).toBe('blocked');
    await setTwice(false);
    expect(await ok(path)).toEqual({ block: false });
    const audited = await db('matrix_admin.audit').where({ operation: 'setRoomBlocked', target: roomId });
    expect(audited.map(({ actor, outcome }) => [actor, outcome])).toEqual(
      Array.from({ length: 4 }, () => [USERS.admin.user_id, 'ok']),
    );
  });

  it('can be refused by a hook of the underlying operation', async () => {
    const off = plugin.admin.hooks.before('unblockRoom', { name: 'legal-hold' }, () => deny('M_FORBIDDEN', 'no'));
    expect(jsonOf(await block(ROOMS.v1, { block: true }))).toEqual({ block: true });
    expect((await block(ROOMS.v1, { block: false })).status).toBe(403);
    off();
    expect(await plugin.admin.rooms.check(ROOMS.v1 as RoomId)).toBe('blocked');
    expect((await block(ROOMS.v1, { block: false })).status).toBe(200);
  });

  it.each([
    [ROOMS.v2, { block: 'x' }, 'M_INVALID_PARAM'],
    [ROOMS.v2, {}, 'M_MISSING_PARAM'],
    ['abc', { block: true }, 'M_INVALID_PARAM'],
    [`#alpha:${SERVER_NAME}`, { block: true }, 'M_INVALID_PARAM'],
  ])('of %s cannot be %j', async (roomId, body, errcode) => {
    const answer = await block(roomId, body);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, errcode]);
  });
});

describe('a room that is being purged', () => {
  it('is hidden', async () => {
    const roomId = ROOMS.moderated as RoomId;
    const [eventId] = await db('syncapi_output_room_events').where('room_id', roomId).pluck('event_id');
    await db.transaction((transaction) => hideRoom(transaction, roomId, { keep: [], localServerNames: [] }));
    for (const part of ['', '/members', '/state', `/context/${encode(eventId)}`]) {
      expect((await get(`/rooms/${encode(roomId)}${part}`)).status, part).toBe(404);
    }
    const after = await list('?limit=1000');
    expect([ids(after).includes(roomId), after.total_rooms]).toEqual([false, known.length - 1]);
    expect((await list(`?search_term=${encode(roomId)}`)).total_rooms).toBe(0);
    const rooms = await plugin.admin.operations.listJoinedRooms({ userId: USERS.alice.user_id }, SYSTEM);
    expect(rooms).not.toContain(roomId);
  });
});
