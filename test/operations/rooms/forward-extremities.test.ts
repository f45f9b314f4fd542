import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoomId } from '../../../src/ids.ts';
import { deny } from '../../../src/pipeline/hooks.ts';
import { hideRoom } from '../../../src/rooms/purge/hide-room.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { brokenStates } from '../../support/event-invariants.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import {
  ADMIN,
  ALICE,
  append,
  BOB,
  createRoom,
  forkRoom,
  memberOf,
  messageOf,
  viewOf,
} from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { brokenInvariants, incompleteQueue } from '../../support/room-invariants.ts';

let plugin: MountedPlugin;
/** Rooms that the host had to remove from its caches. */
const dropped: string[] = [];
beforeAll(async () => {
  const caches = { dropRooms: (rooms: readonly string[]) => void dropped.push(...rooms), dropUsers: () => {} };
  plugin = await mountPlugin({ host: { caches } });
});
afterAll(() => plugin.close());

const pathOf = (roomId: string): string => `/_synapse/admin/v1/rooms/${encodeURIComponent(roomId)}/forward_extremities`;
const list = async (roomId: string): Promise<{ count: number; results: { event_id: string; depth: number }[] }> =>
  JSON.parse((await plugin.asAdmin(pathOf(roomId))).text);
const merge = (roomId: string): Promise<Answer> => plugin.asAdmin(pathOf(roomId), { method: 'DELETE' });
const senderOf = async (eventId: string | undefined): Promise<string> =>
  (
    await plugin.database
      .db('syncapi_output_room_events')
      .where('event_id', eventId ?? '')
      .first()
  ).sender;

describe('the forward extremities of a room', () => {
  it('are listed, deepest first', async () => {
    const roomId = await createRoom(plugin);
    await forkRoom(plugin, roomId, ALICE, 3);
    const { count, results } = await list(roomId);
    expect([count, results.length]).toEqual([3, 3]);
    expect(results[0]).toEqual({
      event_id: expect.stringMatching(/^\$/),
      state_group: expect.any(Number),
      depth: expect.any(Number),
      received_ts: null,
    });
  });

  it.each([
    ['1', 2],
    ['6', 5],
    ['10', 20],
    ['11', 45],
    ['12', 21],
  ])('are merged into one in a room of version %s with %i of them', async (version, forks) => {
    const roomId = await createRoom(plugin, { version });
    await forkRoom(plugin, roomId, ALICE, forks);
    const view = await viewOf(plugin.database.db, roomId);
    expect(view.extremities()).toBe(forks);
    expect(jsonOf(await merge(roomId))).toEqual({ deleted: forks - 1 });
    expect(await view.receive()).toEqual([]);
    expect([view.extremities(), (await list(roomId)).count]).toEqual([1, 1]);
    // Events can be sent to the room as before.
    expect((await append(plugin, roomId, messageOf(ALICE))).refused).toEqual([]);
    expect(await view.receive()).toEqual([]);
    expect(dropped).toContain(roomId);
  });

  it('are not merged if there is only one, and nothing is written', async () => {
    const roomId = await createRoom(plugin);
    const view = await viewOf(plugin.database.db, roomId);
    expect(jsonOf(await merge(roomId))).toEqual({ deleted: 0 });
    await view.receive();
    expect(view.received()).toEqual([]);
  });

  it('are merged by the administrator, if the administrator is a member who may send events', async () => {
    const roomId = await createRoom(plugin, { members: [ADMIN, BOB] });
    await forkRoom(plugin, roomId, ALICE, 2);
    await merge(roomId);
    expect(await senderOf((await list(roomId)).results[0]?.event_id)).toBe(ADMIN);
  });

  it('are merged by the member with the most power, if other members may not send events', async () => {
    const powerLevels = { users: { [ALICE]: 100, [BOB]: 50 }, events_default: 50 };
    const roomId = await createRoom(plugin, { members: [ADMIN, BOB], powerLevels });
    await forkRoom(plugin, roomId, ALICE, 2);
    await append(plugin, roomId, memberOf(ALICE, 'leave'));
    await forkRoom(plugin, roomId, BOB, 2);
    await merge(roomId);
    expect(await senderOf((await list(roomId)).results[0]?.event_id)).toBe(BOB);
  });

  it('are not merged if no local user may send events', async () => {
    const roomId = await createRoom(plugin);
    await forkRoom(plugin, roomId, ALICE, 2);
    await append(plugin, roomId, memberOf(ALICE, 'leave'));
    await plugin.database.db.raw(
      `UPDATE roomserver_rooms SET latest_event_nids = latest_event_nids || latest_event_nids[1] - 1 WHERE room_id = ?`,
      [roomId],
    );
    const answer = await merge(roomId);
    expect([answer.status, jsonOf(answer)['errcode']]).toEqual([403, 'M_FORBIDDEN']);
    await plugin.database.db.raw(
      `UPDATE roomserver_rooms SET latest_event_nids = latest_event_nids[1:1] WHERE room_id = ?`,
      [roomId],
    );
  });

  it('are not merged if a hook refuses, and the hook sees the room id instead of the alias', async () => {
    const roomId = await createRoom(plugin);
    const alias = `#forked:${SERVER_NAME}`;
    await plugin.database.db('roomserver_room_aliases').insert({ alias, room_id: roomId, creator_id: ALICE });
    await forkRoom(plugin, roomId, ALICE, 2);
    const off = plugin.admin.hooks.before('mergeForwardExtremities', { name: 'hold' }, ({ input }) =>
      input.roomId === roomId ? deny('M_FORBIDDEN', 'no') : undefined,
    );
    expect((await merge(alias)).status).toBe(403);
    off();
    expect((await list(alias)).count).toBe(2);
    expect(jsonOf(await merge(alias))).toEqual({ deleted: 1 });
    const audited = await plugin.database
      .db('matrix_admin.audit')
      .where({ operation: 'mergeForwardExtremities', target: roomId });
    expect(audited.map(({ actor, outcome }) => [actor, outcome])).toEqual([
      [ADMIN, 'refused'],
      [ADMIN, 'ok'],
    ]);
  });

  it.each([
    ['an unknown room', `!nope:${SERVER_NAME}`, 404, 'M_NOT_FOUND'],
    ['a room that is known by an invite', server.rooms.remoteInvite, 404, 'M_NOT_FOUND'],
    ['an unknown alias', `#nope:${SERVER_NAME}`, 404, 'M_NOT_FOUND'],
    ['no room', 'abc', 400, 'M_INVALID_PARAM'],
  ])('cannot be merged in %s', async (_case, roomId, status, errcode) => {
    const answer = await merge(roomId);
    expect([answer.status, jsonOf(answer)['errcode']]).toEqual([status, errcode]);
  });

  it('leave no contradiction in the database', async () => {
    const { db } = plugin.database;
    expect(await brokenInvariants(db)).toEqual([]);
    expect(await brokenStates(db)).toEqual([]);
    expect(await incompleteQueue(db, [SERVER_NAME])).toEqual([]);
  });

  it('are not shown for a room that is being purged', async () => {
    const roomId = server.rooms.moderated as RoomId;
    await plugin.database.db.transaction((transaction) =>
      hideRoom(transaction, roomId, { keep: [], localServerNames: [] }),
    );
    expect(await list(roomId)).toEqual({ count: 0, results: [] });
    expect((await merge(roomId)).status).toBe(404);
  });
});
