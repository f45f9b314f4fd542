import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoomId, ServerName, UserId } from '../../../src/ids.ts';
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
  CAROL,
  createRoom,
  DAVE,
  ERIN,
  memberOf,
  messageOf,
  viewOf,
} from '../../support/made-rooms.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { brokenInvariants, incompleteQueue } from '../../support/room-invariants.ts';

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;

let plugin: MountedPlugin;
const told: { rooms: string[]; users: string[]; servers: string[] } = { rooms: [], users: [], servers: [] };
beforeAll(async () => {
  plugin = await mountPlugin({
    host: {
      notifier: {
        roomsChanged: (rooms) => void told.rooms.push(...rooms),
        usersChanged: (users) => void told.users.push(...users),
      },
      federation: { wake: (servers: readonly ServerName[]) => void told.servers.push(...servers) },
    },
  });
});
afterAll(() => plugin.close());

const join = (room: string, userId: string): Promise<Answer> =>
  plugin.asAdmin(`/_synapse/admin/v1/join/${encodeURIComponent(room)}`, {
    method: 'POST',
    body: JSON.stringify({ user_id: userId }),
  });
async function refusalOf(answer: Promise<Answer>): Promise<[status: number, errcode: unknown]> {
  const { status, text } = await answer;
  return [status, JSON.parse(text).errcode];
}
/** Returns the newest member events of a user in a room, newest first. */
const memberEvents = async (
  roomId: string,
  userId: string,
): Promise<{ sender: string; content: Record<string, unknown> }[]> => {
  const rows = await plugin.database
    .db('syncapi_output_room_events')
    .where({ room_id: roomId, type: 'm.room.member' })
    .orderBy('id', 'desc');
  return rows
    .map(({ headered_event_json: json }) => JSON.parse(json))
    .filter(({ state_key: stateKey }) => stateKey === userId);
};
const mayDo = async (roomId: RoomId, userId: UserId): Promise<boolean> =>
  (await append(plugin, roomId, messageOf(userId))).refused.length === 0;

describe('a user', () => {
  it.each(['1', '6', '10', '11', '12'])('joins a public room of version %s, and is announced', async (version) => {
    const roomId = await createRoom(plugin, { version, joinRules: { join_rule: 'public' } });
    const view = await viewOf(plugin.database.db, roomId);
    expect(await mayDo(roomId, BOB)).toBe(false);
    expect(jsonOf(await join(roomId, BOB))).toEqual({ room_id: roomId });
    expect(await mayDo(roomId, BOB)).toBe(true);
    expect(await view.receive()).toEqual([]);
    expect(view.contentOf('m.room.member', BOB)).toMatchObject({ membership: 'join' });
    expect(told.rooms).toContain(roomId);
    expect(told.users).toContain(BOB);
  });

  it('joins with the profile of the account', async () => {
    await plugin.database
      .db('userapi_profiles')
      .where({ localpart: 'bob', server_name: SERVER_NAME })
      .update({ display_name: 'Bob B.', avatar_url: 'mxc://x/bob' });
    const roomId = await createRoom(plugin, { joinRules: { join_rule: 'public' } });
    await join(roomId, BOB);
    const [member] = await memberEvents(roomId, BOB);
    expect(member?.content).toEqual({ membership: 'join', displayname: 'Bob B.', avatar_url: 'mxc://x/bob' });
  });

  it('joins by an alias, and hooks see the room', async () => {
    const roomId = await createRoom(plugin, { joinRules: { join_rule: 'public' } });
    const alias = `#joined:${SERVER_NAME}`;
    await plugin.database.db('roomserver_room_aliases').insert({ alias, room_id: roomId, creator_id: ALICE });
    const off = plugin.admin.hooks.before('joinRoom', { name: 'hold' }, ({ input }) =>
      input.roomId === roomId ? deny('M_FORBIDDEN', 'no') : undefined,
    );
    expect(await refusalOf(join(alias, BOB))).toEqual([403, 'M_FORBIDDEN']);
    off();
    expect(jsonOf(await join(alias, BOB))).toEqual({ room_id: roomId });
    const audited = await plugin.database.db('matrix_admin.audit').where({ operation: 'joinRoom', target: roomId });
    expect(audited.map(({ outcome }) => outcome)).toEqual(['refused', 'ok']);
  });

  it.each(['1', '10', '12'])(
    'joins a private room of version %s after an invite by the local member with the most power',
    async (version) => {
      const powerLevels = { users: version === '12' ? { [BOB]: 50 } : { [ALICE]: 100, [BOB]: 50 }, invite: 50 };
      const roomId = await createRoom(plugin, { version, members: [BOB, CAROL], powerLevels });
      await append(plugin, roomId, memberOf(ALICE, 'leave'));
      const view = await viewOf(plugin.database.db, roomId);
      expect((await join(roomId, DAVE)).status).toBe(200);
      const [joined, invited] = await memberEvents(roomId, DAVE);
      expect([joined?.content, joined?.sender]).toMatchObject([{ membership: 'join' }, DAVE]);
      expect([invited?.content, invited?.sender]).toMatchObject([{ membership: 'invite' }, BOB]);
      expect(await view.receive()).toEqual([]);
      expect(await mayDo(roomId, DAVE)).toBe(true);
      await append(plugin, roomId, memberOf(BOB, 'leave'));
      expect(await refusalOf(join(roomId, ERIN))).toEqual([403, 'M_FORBIDDEN']);
      expect(await memberEvents(roomId, ERIN)).toEqual([]);
    },
  );

  it('is invited by the administrator, if the administrator is a member who may invite', async () => {
    const roomId = await createRoom(plugin, { members: [ADMIN] });
    await join(roomId, DAVE);
    expect((await memberEvents(roomId, DAVE))[1]?.sender).toBe(ADMIN);
  });

  it('accepts an existing invite, without a second one', async () => {
    const roomId = await createRoom(plugin, { drafts: [memberOf(ALICE, 'invite', BOB)] });
    await join(roomId, BOB);
    expect((await memberEvents(roomId, BOB)).map(({ content }) => content['membership'])).toEqual(['join', 'invite']);
  });

  it('who is already in the room stays, and no event is written', async () => {
    const roomId = await createRoom(plugin);
    expect(jsonOf(await join(roomId, ALICE))).toEqual({ room_id: roomId });
    expect(await memberEvents(roomId, ALICE)).toHaveLength(1);
  });

  it('joins a restricted room as a member of an allowed room, or after an invite', async () => {
    const lobby = await createRoom(plugin, { members: [BOB] });
    const joinRules = {
      join_rule: 'restricted',
      allow: [
        null,
        { type: 'x' },
        { type: 'm.room_membership', room_id: 5 },
        { type: 'm.room_membership', room_id: lobby },
      ],
    };
    const roomId = await createRoom(plugin, { joinRules });
    const view = await viewOf(plugin.database.db, roomId);
    await join(roomId, BOB);
    const [joined, ...before] = await memberEvents(roomId, BOB);
    expect(joined?.content).toMatchObject({ membership: 'join', join_authorised_via_users_server: ALICE });
    expect(before).toEqual([]);
    await join(roomId, CAROL);
    expect((await memberEvents(roomId, CAROL)).map(({ sender }) => sender)).toEqual([CAROL, ALICE]);
    expect(await view.receive()).toEqual([]);
  });

  it('who has knocked joins after an invite', async () => {
    const roomId = await createRoom(plugin, { joinRules: { join_rule: 'knock' } });
    await append(plugin, roomId, memberOf(BOB, 'knock'));
    await join(roomId, BOB);
    expect(await mayDo(roomId, BOB)).toBe(true);
  });

  it('does not join after a ban, or if the join rule allows no invites', async () => {
    const banning = await createRoom(plugin, {
      drafts: [memberOf(ALICE, 'ban', BOB)],
      joinRules: { join_rule: 'public' },
    });
    expect(await refusalOf(join(banning, BOB))).toEqual([403, 'M_FORBIDDEN']);
    const closed = await createRoom(plugin, { joinRules: { join_rule: 'private' } });
    const view = await viewOf(plugin.database.db, closed);
    expect(await refusalOf(join(closed, BOB))).toEqual([403, 'M_FORBIDDEN']);
    await view.receive();
    expect(view.received()).toEqual([]);
  });

  it('does not join a blocked room or a room that is being purged', async () => {
    const roomId = await createRoom(plugin, { joinRules: { join_rule: 'public' } });
    await plugin.admin.operations.blockRoom({ roomId }, SYSTEM);
    expect(await refusalOf(join(roomId, BOB))).toEqual([403, 'M_FORBIDDEN']);
    await plugin.admin.operations.unblockRoom({ roomId }, SYSTEM);
    await plugin.database.db.transaction((transaction) =>
      hideRoom(transaction, roomId, { keep: [], localServerNames: [] }),
    );
    expect(await refusalOf(join(roomId, BOB))).toEqual([404, 'M_NOT_FOUND']);
  });

  it('joins a room with members of other servers, and these servers get the events', async () => {
    told.servers.length = 0;
    expect((await join(server.rooms.remote, CAROL)).status).toBe(200);
    expect(told.servers).toContain(server.remote_server_name);
  });

  it.each([
    ['an unknown room', () => `!nope:${SERVER_NAME}`],
    ['a room of another server', () => '!x:remote.example'],
    ['a room that is known by an invite', () => server.rooms.remoteInvite],
    ['a room that all local users have left', () => server.rooms.remoteLeft],
    ['an unknown alias', () => `#nope:${SERVER_NAME}`],
  ])('does not join %s', async (_case, roomId) => {
    expect(await refusalOf(join(roomId(), BOB))).toEqual([404, 'M_NOT_FOUND']);
  });

  it('must be a local user with an active account', async () => {
    const roomId = await createRoom(plugin, { joinRules: { join_rule: 'public' } });
    expect(await refusalOf(join(roomId, '@x:remote.example'))).toEqual([400, 'M_INVALID_PARAM']);
    expect(await refusalOf(join(roomId, `@nobody:${SERVER_NAME}`))).toEqual([404, 'M_NOT_FOUND']);
    await plugin.admin.operations.deactivateUser({ userId: ERIN }, SYSTEM);
    expect(await refusalOf(join(roomId, ERIN))).toEqual([400, 'M_INVALID_PARAM']);
    expect(
      await refusalOf(plugin.asAdmin(`/_synapse/admin/v1/join/${roomId}`, { method: 'POST', body: '{}' })),
    ).toEqual([400, 'M_MISSING_PARAM']);
  });
});

it('leaves no contradiction in the database', async () => {
  const { db } = plugin.database;
  expect(await brokenInvariants(db)).toEqual([]);
  expect(await brokenStates(db)).toEqual([]);
  expect(await incompleteQueue(db, [SERVER_NAME])).toEqual([]);
});
