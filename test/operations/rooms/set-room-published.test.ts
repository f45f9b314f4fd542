import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hideRoom } from '../../../src/rooms/purge/hide-room.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { createRoom } from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin();
});
afterAll(() => plugin.close());

const roomPath = (roomId: string): string => `/_dendrite/admin/rooms/${encodeURIComponent(roomId)}`;
const publish = (roomId: string, published: unknown): Promise<Answer> =>
  plugin.asAdmin(`${roomPath(roomId)}/published`, { method: 'PUT', body: JSON.stringify({ published }) });
const isPublished = async (roomId: string): Promise<unknown> =>
  jsonOf(await plugin.asAdmin(roomPath(roomId)))['published'];

describe('a room', () => {
  it('is added to the directory and removed from it, and repeating each call changes nothing', async () => {
    const roomId = await createRoom(plugin);
    for (const published of [true, true, false, false, true]) {
      expect(jsonOf(await publish(roomId, published))).toEqual({ published });
      expect(await isPublished(roomId)).toBe(published);
    }
    const audited = await plugin.database
      .db('matrix_admin.audit')
      .where({ operation: 'setRoomPublished', target: roomId });
    expect(audited).toHaveLength(5);
  });

  it('is also removed from the directories of application services', async () => {
    const roomId = await createRoom(plugin);
    const row = { room_id: roomId, appservice_id: 'bridge', network_id: 'irc', published: true };
    await plugin.database.db('roomserver_published').insert(row);
    expect(await isPublished(roomId)).toBe(true);
    await publish(roomId, false);
    expect(await isPublished(roomId)).toBe(false);
  });

  it.each([
    ['an unknown one', `!nope:${SERVER_NAME}`, true, 404, 'M_NOT_FOUND'],
    ['one that is known by an invite', server.rooms.remoteInvite, true, 404, 'M_NOT_FOUND'],
    ['no room id', 'abc', true, 400, 'M_INVALID_PARAM'],
    ['no boolean', server.rooms.v10, 'yes', 400, 'M_INVALID_PARAM'],
  ])('is refused: %s', async (_case, roomId, published, status, errcode) => {
    const answer = await publish(roomId, published);
    expect([answer.status, jsonOf(answer)['errcode']]).toEqual([status, errcode]);
  });

  it('that is being purged cannot be added', async () => {
    const roomId = await createRoom(plugin);
    await plugin.database.db.transaction((transaction) =>
      hideRoom(transaction, roomId, { keep: [], localServerNames: [] }),
    );
    expect((await publish(roomId, true)).status).toBe(404);
  });
});
