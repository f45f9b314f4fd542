import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserId } from '../../../src/ids.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const ROOMS = '/_matrix/client/unstable/uk.timedout.msc4390/admin/rooms';
const pathOf = (roomId: string): string => `${ROOMS}/${encodeURIComponent(roomId)}`;
const { v10, v9, v8 } = server.rooms;

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin({ options: { unstable: { msc4390: true } } });
});
afterAll(() => plugin.close());

async function call(method: string, path: string, body?: object): Promise<[number, Record<string, unknown>]> {
  const answer = await plugin.asAdmin(path, { method, ...(body && { body: JSON.stringify(body) }) });
  return [answer.status, jsonOf(answer)];
}

describe('the routes of MSC4390', () => {
  it('show a room, with the contents of its state events', async () => {
    expect(await call('GET', pathOf(v10))).toEqual([
      200,
      {
        room_id: v10,
        blocked: false,
        name: 'Room v10',
        topic: { topic: 'Topic for version 10' },
        canonical_alias: `#room-v10:${server.server_name}`,
        joined_members: 4,
        local_members: 3,
        create_event: expect.objectContaining({
          type: 'm.room.create',
          sender: USERS.alice.user_id,
          content: { creator: USERS.alice.user_id, room_version: '10' },
        }),
        join_rules: { join_rule: 'public' },
        history_visibility: 'shared',
        power_levels: expect.objectContaining({ users: { [USERS.alice.user_id]: 100 } }),
      },
    ]);
    expect(await call('GET', pathOf('!unknown:x'))).toEqual([404, expect.objectContaining({ errcode: 'M_NOT_FOUND' })]);
  });

  it('block and unblock a room', async () => {
    for (const blocked of [true, false]) {
      expect(await call('PUT', `${pathOf(v10)}/blocked`, { blocked })).toEqual([200, { blocked }]);
      expect(await call('GET', pathOf(v10))).toEqual([200, expect.objectContaining({ blocked })]);
    }
    const [status, { error }] = await call('PUT', `${pathOf(v10)}/blocked`, {});
    expect([status, error]).toEqual([400, expect.stringContaining('blocked')]);
  });

  it('delete a room once, and show how far the deletion is', async () => {
    expect(await call('GET', `${pathOf(v9)}/delete/status`)).toEqual([
      404,
      expect.objectContaining({ errcode: 'M_NOT_FOUND' }),
    ]);
    for (const time of [1, 2]) {
      expect([time, await call('DELETE', pathOf(v9), { block: true })]).toEqual([time, [200, { room_id: v9 }]]);
    }
    await expect
      .poll(() => call('GET', `${pathOf(v9)}/delete/status`))
      .toEqual([
        200,
        { users: expect.arrayContaining([USERS.alice.user_id]), aliases: [], progress: 100, eta: 0, done: true },
      ]);
    expect((await call('GET', pathOf(v9)))[0]).toBe(404);
    expect(await plugin.database.db('matrix_admin.blocked_rooms').pluck('room_id')).toContain(v9);
    expect(await plugin.database.db('matrix_admin.jobs').where({ kind: 'deleteRoom' })).toHaveLength(1);
  });

  it('are a capability of administrators', async () => {
    const { capabilities } = plugin.admin.accounts;
    expect(await capabilities(USERS.admin.user_id as UserId)).toMatchObject({
      'uk.timedout.msc4390': { enabled: true },
    });
    expect(await capabilities(USERS.bob.user_id as UserId)).toEqual({});
  });

  it('exist only with the option', async () => {
    const other = await mountPlugin({ database: plugin.database });
    expect((await other.asAdmin(pathOf(v8))).text).toBe('Not Found');
    expect(await other.admin.accounts.capabilities(USERS.admin.user_id as UserId)).not.toHaveProperty(
      'uk.timedout.msc4390',
    );
    await other.close();
  });
});
