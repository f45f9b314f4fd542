import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RoomId, type UserId, userIdOf } from '../../../src/ids.ts';
import { stateDraftsOf } from '../../../src/rooms/event-chain.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { SERVER_NAME } from '../../support/dendrite-server.ts';
import { brokenStates } from '../../support/event-invariants.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { ADMIN, ALICE, append, BOB, CAROL, createRoom, DAVE, memberOf, viewOf } from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { brokenInvariants, incompleteQueue } from '../../support/room-invariants.ts';

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const PUBLIC = { join_rule: 'public' };
const REMOTE = userIdOf('x', 'remote.example');

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin();
});
afterAll(() => plugin.close());

const make = (room: string, userId?: string): Promise<Answer> =>
  plugin.asAdmin(`/_synapse/admin/v1/rooms/${encodeURIComponent(room)}/make_room_admin`, {
    method: 'POST',
    body: JSON.stringify(userId === undefined ? {} : { user_id: userId }),
  });
const rename = async (roomId: RoomId, userId: UserId): Promise<string | undefined> =>
  (await append(plugin, roomId, stateDraftsOf(userId)('m.room.name', { name: `by ${userId}` }))).refused[0]?.error
    .message;

describe('a room has a new administrator', () => {
  it.each(Array.from({ length: 12 }, (_, i) => String(i + 1)))('in version %s', async (version) => {
    const roomId = await createRoom(plugin, { version, members: [BOB], joinRules: PUBLIC });
    const view = await viewOf(plugin.database.db, roomId);
    expect(await rename(roomId, BOB)).toMatch(/power level is too low/);
    const answer = await make(roomId, BOB);
    expect([answer.status, jsonOf(answer)]).toEqual([200, {}]);
    expect(await rename(roomId, BOB)).toBeUndefined();
    expect(await view.receive()).toEqual([]);
    const users = version === '12' ? { [BOB]: 100 } : { [ALICE]: 100, [BOB]: 100 };
    expect(view.contentOf('m.room.power_levels')).toMatchObject({ users });
  });

  it('who is invited if the room is not public', async () => {
    const roomId = await createRoom(plugin);
    const view = await viewOf(plugin.database.db, roomId);
    await make(roomId, BOB);
    expect(await view.receive()).toEqual([]);
    expect(view.contentOf('m.room.member', BOB)).toMatchObject({ membership: 'invite' });
    await append(plugin, roomId, memberOf(BOB, 'join'));
    expect(await rename(roomId, BOB)).toBeUndefined();
    // A second call changes nothing.
    await view.receive();
    await make(roomId, BOB);
    await view.receive();
    expect(view.received()).toEqual([]);
  });

  it('who is the calling administrator, unless the request names a user', async () => {
    const roomId = await createRoom(plugin, { joinRules: PUBLIC });
    const view = await viewOf(plugin.database.db, roomId);
    await make(roomId);
    await view.receive();
    expect(view.contentOf('m.room.power_levels')).toMatchObject({ users: { [ADMIN]: 100 } });
    await expect(plugin.admin.operations.makeRoomAdmin({ roomId }, SYSTEM)).rejects.toMatchObject({
      errcode: 'M_MISSING_PARAM',
    });
  });

  it('if the request names an alias of the room', async () => {
    const roomId = await createRoom(plugin, { joinRules: PUBLIC, members: [BOB] });
    const alias = `#governed:${SERVER_NAME}`;
    await plugin.database.db('roomserver_room_aliases').insert({ alias, room_id: roomId, creator_id: ALICE });
    expect((await make(alias, BOB)).status).toBe(200);
    expect(await rename(roomId, BOB)).toBeUndefined();
  });

  it('with the highest level of a local member, and other levels stay', async () => {
    const powerLevels = {
      users: { [ALICE]: 100, [BOB]: 75 },
      events: { 'm.room.name': 60 },
      state_default: 50,
      x: { y: 1 },
    };
    const roomId = await createRoom(plugin, { joinRules: PUBLIC, members: [BOB, CAROL], powerLevels });
    await append(plugin, roomId, memberOf(ALICE, 'leave'));
    const view = await viewOf(plugin.database.db, roomId);
    await make(roomId, CAROL);
    expect(await view.receive()).toEqual([]);
    expect(view.contentOf('m.room.power_levels')).toEqual({
      ...powerLevels,
      users: { ...powerLevels.users, [CAROL]: 75 },
    });
  });

  it('in a room without a power levels event', async () => {
    for (const version of ['10', '12']) {
      const roomId = await createRoom(plugin, { version, joinRules: PUBLIC, members: [BOB], powerLevels: null });
      const view = await viewOf(plugin.database.db, roomId);
      expect((await make(roomId, BOB)).status).toBe(200);
      expect(await view.receive()).toEqual([]);
      expect([await rename(roomId, BOB), await rename(roomId, ALICE)]).toEqual([undefined, undefined]);
    }
  });

  it('with a sufficient level if the granter is a creator, and without an entry for a creator', async () => {
    const content = { additional_creators: [CAROL] };
    const powerLevels = { users: { [BOB]: 120 }, events: { 'm.room.tombstone': 150 } };
    const roomId = await createRoom(plugin, {
      version: '12',
      content,
      powerLevels,
      joinRules: PUBLIC,
      members: [BOB, CAROL],
    });
    await append(plugin, roomId, memberOf(ALICE, 'leave'));
    const view = await viewOf(plugin.database.db, roomId);
    await make(roomId, BOB);
    expect(await view.receive()).toEqual([]);
    expect(view.contentOf('m.room.power_levels')).toMatchObject({ users: { [BOB]: 150 } });
    // Carol has given the power, so she has it already and nothing changes.
    expect((await make(roomId, CAROL)).status).toBe(200);
    expect(await view.receive()).toEqual([]);
    expect(view.received()).toEqual([]);
  });

  it('who belongs to another server, if no invite is needed', async () => {
    const roomId = await createRoom(plugin, { joinRules: PUBLIC });
    const view = await viewOf(plugin.database.db, roomId);
    expect((await make(roomId, REMOTE)).status).toBe(200);
    await view.receive();
    expect(view.contentOf('m.room.power_levels')).toMatchObject({ users: { [REMOTE]: 100 } });
  });
});

describe('nobody is made administrator', () => {
  it.each<[string, () => Promise<string> | string, string, number, string]>([
    ['of an unknown room', () => `!nope:${SERVER_NAME}`, BOB, 404, 'M_NOT_FOUND'],
    ['of a room that is known by an invite', () => server.rooms.remoteInvite, BOB, 404, 'M_NOT_FOUND'],
    ['by an unknown alias', () => `#nope:${SERVER_NAME}`, BOB, 404, 'M_NOT_FOUND'],
    ['of a room that all local users have left', () => server.rooms.emptied, BOB, 400, 'M_BAD_STATE'],
    ['without an account', () => createRoom(plugin), `@nobody:${SERVER_NAME}`, 404, 'M_NOT_FOUND'],
    ['who must be invited from another server', () => createRoom(plugin), REMOTE, 400, 'M_BAD_STATE'],
    [
      'who is banned',
      () => createRoom(plugin, { joinRules: PUBLIC, drafts: [memberOf(ALICE, 'ban', BOB)] }),
      BOB,
      403,
      'M_FORBIDDEN',
    ],
    ['who is no user', () => createRoom(plugin), 'bob', 400, 'M_INVALID_PARAM'],
  ])('%s', async (_case, roomOf, userId, status, errcode) => {
    const roomId = await roomOf();
    const answer = await make(roomId, userId);
    expect([answer.status, jsonOf(answer)['errcode']], answer.text).toEqual([status, errcode]);
  });

  it('if no local member may change the power levels', async () => {
    const roomId = await createRoom(plugin, { joinRules: PUBLIC, members: [BOB] });
    await append(plugin, roomId, memberOf(ALICE, 'leave'));
    const answer = await make(roomId, CAROL);
    expect([answer.status, jsonOf(answer)]).toEqual([
      400,
      { errcode: 'M_BAD_STATE', error: 'no local user may change the power levels of the room' },
    ]);
  });

  it('if the user needs an invite and the room is blocked', async () => {
    const roomId = await createRoom(plugin, { members: [BOB] });
    await plugin.admin.operations.blockRoom({ roomId }, SYSTEM);
    expect(jsonOf(await make(roomId, DAVE))['errcode']).toBe('M_FORBIDDEN');
    expect((await make(roomId, BOB)).status).toBe(200);
  });
});

it('leaves no contradiction in the database', async () => {
  const { db } = plugin.database;
  expect(await brokenInvariants(db)).toEqual([]);
  expect(await brokenStates(db)).toEqual([]);
  expect(await incompleteQueue(db, [SERVER_NAME])).toEqual([]);
});
