import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RoomId } from '../../../src/ids.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const ROOMS = server.rooms;
const ADMIN = '/_dendrite/admin';
const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const VIRTUAL_HOST = 'virtual.example';

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({ host: { virtualHosts: [VIRTUAL_HOST as never] } });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const get = async (path: string): Promise<Record<string, unknown>> => {
  const answer = await plugin.asAdmin(`${ADMIN}/${path}`);
  expect(answer.status, answer.text).toBe(200);
  return jsonOf(answer);
};

/** Adds a room without events, and gives a user a membership in it. */
async function addRoom(roomId: string, userId: string, membershipNid: number): Promise<void> {
  const [room] = await db('public.roomserver_rooms').insert({ room_id: roomId, room_version: '10' }).returning('*');
  await db('public.roomserver_event_state_keys')
    .insert({ event_state_key: userId })
    .onConflict('event_state_key')
    .ignore();
  const key = await db('public.roomserver_event_state_keys').where('event_state_key', userId).first();
  await db('public.roomserver_membership').insert({
    room_nid: room.room_nid,
    target_nid: key.event_state_key_nid,
    membership_nid: membershipNid,
    target_local: userId.endsWith(`:${SERVER_NAME}`),
  });
}

const emptyRooms = async (): Promise<unknown> => (await get('emptyRooms')).empty_rooms;

describe('empty rooms', () => {
  it('are those that Dendrite lists in the recorded database, in a stable order', async () => {
    expect(await get('emptyRooms')).toEqual({
      empty_rooms: [ROOMS.remoteLeft, ROOMS.emptied, ROOMS.forgotten],
    });
  });

  it.each([
    ['joined', `@somebody:${SERVER_NAME}`, 3, false],
    ['joined from a virtual host', `@somebody:${VIRTUAL_HOST}`, 3, false],
    ['invited', `@somebody:${SERVER_NAME}`, 2, false],
    ['knocking', `@somebody:${VIRTUAL_HOST}`, 4, false],
    ['left', `@somebody:${SERVER_NAME}`, 1, true],
    ['of another server', '@somebody:elsewhere.example', 3, true],
  ])('depend on the memberships of local users: %s', async (name, userId, membershipNid, isEmpty) => {
    const roomId = `!${name.replaceAll(' ', '')}:${SERVER_NAME}`;
    await addRoom(roomId, userId, membershipNid);
    const found = await emptyRooms();
    await db('public.roomserver_rooms').where('room_id', roomId).del();
    expect(found).toEqual([ROOMS.remoteLeft, ROOMS.emptied, ROOMS.forgotten, ...(isEmpty ? [roomId] : [])]);
  });

  it('leave out a room that is being purged', async () => {
    await db('matrix_admin.purges').insert({ room_id: ROOMS.emptied, progress: {} });
    const found = await emptyRooms();
    await db('matrix_admin.purges').del();
    expect(found).toEqual([ROOMS.remoteLeft, ROOMS.forgotten]);
  });

  it('come in pages', async () => {
    const first = await get('emptyRooms?limit=2');
    expect(first).toEqual({ empty_rooms: [ROOMS.remoteLeft, ROOMS.emptied], next_token: expect.any(String) });
    expect(await get(`emptyRooms?limit=2&from=${String(first.next_token)}`)).toEqual({
      empty_rooms: [ROOMS.forgotten],
    });
    expect(await get('emptyRooms?limit=3')).not.toHaveProperty('next_token');
    for (const query of ['limit=0', 'limit=x', 'from=x', 'from=-1']) {
      expect((await plugin.asAdmin(`${ADMIN}/emptyRooms?${query}`)).status, query).toBe(400);
    }
  });

  it('are [] if there are none', async () => {
    await expect(plugin.admin.operations.emptyRooms({ from: 1_000_000_000 }, SYSTEM)).resolves.toEqual({
      rooms: [],
      nextToken: undefined,
    });
    expect(await get('emptyRooms?from=1000000000')).toEqual({ empty_rooms: [] });
  });
});

describe('a room', () => {
  it('is shown with the facts that an administrator needs before an operation', async () => {
    expect(await get(`rooms/${ROOMS.v10}`)).toEqual({
      room_id: ROOMS.v10,
      version: '10',
      stub: false,
      name: 'Room v10',
      canonical_alias: '#room-v10:localhost:18448',
      creator: USERS.alice.user_id,
      join_rule: 'public',
      encrypted: false,
      published: true,
      aliases: ['#room-v10:localhost:18448'],
      members: {
        local: { join: 3, invite: 1, knock: 0, left: 0 },
        remote: { join: 1, invite: 0, knock: 0, left: 0 },
      },
      remote_servers: 1,
      forward_extremities: 1,
      state_events: 12,
      events: 18,
      reports: 0,
      blocked: false,
      purging: false,
    });
  });

  it.each([
    [ROOMS.v12, { version: '12', stub: false }],
    [ROOMS.encrypted, { encrypted: true }],
    [ROOMS.moderated, { reports: 3 }],
    [ROOMS.remote, { forward_extremities: 2 }],
    [ROOMS.remoteInvite, { stub: true, name: null, state_events: 0, events: 0, forward_extremities: 0 }],
  ])('%s is shown in its current state', async (roomId, expected) => {
    expect(await get(`rooms/${encodeURIComponent(roomId)}`)).toMatchObject(expected);
  });

  it('that is unknown gives 404, and an invalid room id gives 400', async () => {
    const unknown = await plugin.asAdmin(`${ADMIN}/rooms/!nowhere:${SERVER_NAME}`);
    expect([unknown.status, jsonOf(unknown)]).toEqual([404, { errcode: 'M_NOT_FOUND', error: 'room does not exist' }]);
    for (const path of ['rooms/nowhere', 'rooms/%2Froom', 'blockedRooms/%23alias:localhost']) {
      const answer = await plugin.asAdmin(`${ADMIN}/${path}`);
      expect([answer.status, jsonOf(answer).errcode], path).toEqual([400, 'M_INVALID_PARAM']);
    }
  });
});

describe('blocked rooms', () => {
  const path = (roomId: string): string => `${ADMIN}/blockedRooms/${encodeURIComponent(roomId)}`;
  const block = (roomId: string, body: unknown = {}): ReturnType<MountedPlugin['asAdmin']> =>
    plugin.asAdmin(path(roomId), { method: 'PUT', body: JSON.stringify(body) });
  const check = (roomId: string): Promise<string> => plugin.admin.rooms.check(roomId as RoomId);
  beforeEach(async () => {
    await db('matrix_admin.blocked_rooms').del();
  });

  it('are blocked with a reason, and unblocked', async () => {
    expect(await check(ROOMS.v10)).toBe('open');
    const blocked = {
      room_id: ROOMS.v10,
      reason: 'spam',
      blocked_by: USERS.admin.user_id,
      blocked_ts: expect.closeTo(Date.now(), -5),
    };
    const answer = await block(ROOMS.v10, { reason: 'spam' });
    expect([answer.status, jsonOf(answer)]).toEqual([200, blocked]);
    expect(await get(`blockedRooms/${ROOMS.v10}`)).toEqual(blocked);
    expect(await check(ROOMS.v10)).toBe('blocked');
    expect(await get(`rooms/${ROOMS.v10}`)).toMatchObject({ blocked: true });
    expect(jsonOf(await block(ROOMS.v10))).toMatchObject({ reason: null });

    const unblocked = await plugin.asAdmin(path(ROOMS.v10), { method: 'DELETE' });
    expect([unblocked.status, unblocked.text]).toEqual([200, '{}']);
    expect(await check(ROOMS.v10)).toBe('open');
    for (const method of ['GET', 'DELETE']) {
      const gone = await plugin.asAdmin(path(ROOMS.v10), { method });
      expect([gone.status, jsonOf(gone).errcode], method).toEqual([404, 'M_NOT_FOUND']);
    }
  });

  it('may be unknown to the homeserver, and may have any room version', async () => {
    for (const roomId of ['!never:seen.example', ROOMS.v12]) {
      expect((await block(roomId)).status).toBe(200);
      expect(await check(roomId)).toBe('blocked');
    }
  });

  it('are listed in pages', async () => {
    const ids = ['!a:x.example', '!b:x.example', '!c:x.example'];
    for (const id of ids) await block(id, { reason: id });
    const first = await get('blockedRooms?limit=2');
    expect(first).toMatchObject({ blocked_rooms: [{ room_id: ids[0], reason: ids[0] }, { room_id: ids[1] }] });
    const rest = await get(`blockedRooms?limit=2&from=${encodeURIComponent(String(first.next_token))}`);
    expect(rest).toMatchObject({ blocked_rooms: [{ room_id: ids[2] }] });
    expect(rest).not.toHaveProperty('next_token');
  });

  it('refuse an invalid reason', async () => {
    expect((await block(ROOMS.v10, { reason: 7 })).status).toBe(400);
    expect(await check(ROOMS.v10)).toBe('open');
  });

  it('are distinguished from rooms that are being purged', async () => {
    await block(ROOMS.v10);
    await db('matrix_admin.purges').insert({ room_id: ROOMS.v10, progress: {} });
    const admission = await check(ROOMS.v10);
    await db('matrix_admin.purges').del();
    expect(admission).toBe('purging');
  });
});
