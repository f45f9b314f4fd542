import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deny } from '../../../src/pipeline/hooks.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin();
});
afterAll(() => plugin.close());

const purge = (roomId: string, body: object): Promise<Answer> =>
  plugin.asAdmin(`/_dendrite/admin/purgeRoom/${roomId}`, { method: 'POST', body: JSON.stringify(body) });

describe('before-hooks of the parts of a purge', () => {
  const roomId = server.rooms.v3;

  it.each([
    ['evacuateRoom', { evacuate: true }],
    ['blockRoom', { block: true }],
  ] as const)('may refuse the purge: %s', async (operation, body) => {
    const off = plugin.admin.hooks.before(operation, { name: 'hold' }, ({ input }) =>
      input.roomId === roomId ? deny('M_FORBIDDEN', 'not this room') : undefined,
    );
    const refused = await purge(roomId, body);
    off();
    expect([refused.status, jsonOf(refused).error]).toEqual([403, 'not this room']);
    expect(await plugin.database.db('roomserver_rooms').where({ room_id: roomId })).toHaveLength(1);
  });

  it('may refuse a deletion that includes a purge and an evacuation', async () => {
    const off = plugin.admin.hooks.before('evacuateRoom', { name: 'hold' }, () => deny('M_FORBIDDEN', 'nobody leaves'));
    const refused = await plugin.asAdmin(`/_synapse/admin/v1/rooms/${roomId}`, {
      method: 'DELETE',
      body: '{"purge":true}',
    });
    off();
    expect([refused.status, jsonOf(refused).error]).toEqual([403, 'nobody leaves']);
  });

  it('are called once, and not for parts that the purge skips', async () => {
    const asked: string[] = [];
    const offs = (['evacuateRoom', 'blockRoom', 'purgeRoom'] as const).map((operation) =>
      plugin.admin.hooks.before(operation, { name: 'count' }, () => {
        asked.push(operation);
      }),
    );
    await purge(roomId, { dry_run: true });
    expect(asked).toEqual(['purgeRoom']);
    await purge(roomId, { dry_run: true, evacuate: true, block: true });
    expect(asked).toEqual(['purgeRoom', 'evacuateRoom', 'blockRoom', 'purgeRoom']);
    asked.length = 0;
    const body = '{"purge":true,"block":true,"dry_run":true}';
    await plugin.asAdmin(`/_synapse/admin/v1/rooms/${roomId}`, { method: 'DELETE', body });
    expect(asked).toEqual(['evacuateRoom', 'blockRoom', 'purgeRoom']);
    for (const off of offs) off();
  });
});
