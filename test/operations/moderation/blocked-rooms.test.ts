import type { Knex } from 'knex';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RoomId } from '../../../src/ids.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const ROOMS = server.rooms;
const ADMIN = '/_dendrite/admin';

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const get = async (path: string): Promise<Record<string, unknown>> => {
  const answer = await plugin.asAdmin(`${ADMIN}/${path}`);
  expect(answer.status, answer.text).toBe(200);
  return jsonOf(answer);
};

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

  it('refuse an invalid room id', async () => {
    const answer = await plugin.asAdmin(`${ADMIN}/blockedRooms/%23alias:localhost`);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([400, 'M_INVALID_PARAM']);
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
