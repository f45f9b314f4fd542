import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME } from '../../support/dendrite-server.ts';
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

  it('are an empty list if there are none', async () => {
    await expect(plugin.admin.operations.emptyRooms({ from: 1_000_000_000 }, SYSTEM)).resolves.toEqual({
      rooms: [],
      nextToken: undefined,
    });
    expect(await get('emptyRooms?from=1000000000')).toEqual({ empty_rooms: [] });
  });
});
