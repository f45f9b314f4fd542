import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const ROOMS = server.rooms;
const ADMIN = '/_dendrite/admin';

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin();
});
afterAll(() => plugin.close());

const get = async (path: string): Promise<Record<string, unknown>> => {
  const answer = await plugin.asAdmin(`${ADMIN}/${path}`);
  expect(answer.status, answer.text).toBe(200);
  return jsonOf(answer);
};

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
    for (const path of ['rooms/nowhere', 'rooms/%2Froom']) {
      const answer = await plugin.asAdmin(`${ADMIN}/${path}`);
      expect([answer.status, jsonOf(answer).errcode], path).toEqual([400, 'M_INVALID_PARAM']);
    }
  });
});
