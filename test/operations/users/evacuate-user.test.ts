import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FederationSender } from '../../../src/host.ts';
import type { RoomId, UserId } from '../../../src/ids.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { USERS } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf, comparableChanges, eventIdsOf, recording } from '../../support/recordings.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';
import { isSomebodyWaiting, until } from '../../support/search-plugin.ts';

let plugin: MountedPlugin;
let db: Knex;
/** The other server's answer to `make_leave`. */
let makeLeave: NonNullable<FederationSender['makeLeave']>;
const sent: Parameters<NonNullable<FederationSender['sendLeave']>>[0][] = [];
const woken: string[] = [];
beforeAll(async () => {
  const federation: FederationSender = {
    wake: (destinations) => void woken.push(...destinations),
    makeLeave: (request, options) => makeLeave(request, options),
    sendLeave: async (request) => void sent.push(request),
  };
  plugin = await mountPlugin({ host: { federation }, options: { limits: { federationRequestMs: 300 } } });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const evacuate = (userId: string, body: object = {}): Promise<Answer> =>
  plugin.asAdmin(`/_dendrite/admin/evacuateUser/${encodeURIComponent(userId)}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });

const RECORDED = 'evacuateUser-erin-pending-remote-invite';
const STATE_TABLES = ['roomserver_state_block', 'roomserver_state_snapshots'];

describe('evacuateUser', () => {
  it.each([
    ['no user id', 400, 'M_INVALID_PARAM'],
    ['@somebody:elsewhere.example', 400, 'M_INVALID_PARAM'],
    ['!room:localhost:18448', 400, 'M_INVALID_PARAM'],
  ])('refuses %s', async (userId, status, errcode) => {
    const answer = await evacuate(userId);
    expect([answer.status, jsonOf(answer).errcode]).toEqual([status, errcode]);
  });

  it('does nothing for a user without rooms', async () => {
    expect(jsonOf(await evacuate('@nobody:localhost:18448'))).toEqual({ affected: [] });
  });

  it('has no effect as a dry run, and sends nothing to other servers', async () => {
    const changes = await changesOf(db, async () => {
      makeLeave = () => Promise.reject(new Error('asked in a dry run'));
      const { affected } = recording(RECORDED).body as { affected: string[] };
      expect(jsonOf(await evacuate(USERS.erin.user_id, { dry_run: true }))).toEqual({ affected, dry_run: true });
    });
    expect(changes).toEqual({});
    expect(sent).toEqual([]);
  });

  it('makes the same changes as Dendrite, and rejects the invite at the inviting server', async () => {
    makeLeave = async () => ({
      roomVersion: '10',
      event: {
        type: 'm.room.member',
        depth: 9,
        auth_events: ['$a'],
        prev_events: ['$b'],
        content: { membership: 'join' },
      },
    });
    const recorded = recording(RECORDED);
    const known = await eventIdsOf(db);
    const changes = await changesOf(db, async () => {
      const answer = await evacuate(USERS.erin.user_id);
      expect([answer.status, jsonOf(answer)]).toEqual([recorded.status, recorded.body]);
    });
    expect(comparableChanges(changes, known, STATE_TABLES)).toEqual(
      comparableChanges(recorded.tables, known, STATE_TABLES),
    );
    expect(await brokenInvariants(db)).toEqual([]);
    expect(sent).toMatchObject([
      {
        origin: server.server_name,
        destination: server.remote_server_name,
        roomId: server.rooms.remoteInvite,
        event: {
          type: 'm.room.member',
          room_id: server.rooms.remoteInvite,
          sender: USERS.erin.user_id,
          state_key: USERS.erin.user_id,
          content: { membership: 'leave' },
          prev_events: ['$b'],
          auth_events: ['$a'],
          depth: 9,
          origin: server.server_name,
        },
      },
    ]);
  });

  it.each<[string, () => ReturnType<typeof makeLeave>, RegExp]>([
    ['gives no answer', () => new Promise(() => {}), /gave no answer within 300 ms/],
    ['refuses', () => Promise.reject(new Error('403 M_FORBIDDEN')), /403 M_FORBIDDEN/],
    [
      'sends a template that does not place the event in the room',
      async () => ({ roomVersion: '10', event: {} }),
      /does not place the event in the room/,
    ],
    ['knows a room version that we do not', async () => ({ roomVersion: '99', event: {} }), /unsupported room version/],
  ])('forgets the invite of a server that %s, and reports it', async (_title, answer, reason) => {
    const nids = { room_nid: 18, target_nid: 65_541 };
    await db('public.roomserver_membership').insert({ ...nids, membership_nid: 2, target_local: true });
    await db('public.roomserver_invites').where(nids).update({ retired: false });
    await db('public.syncapi_invite_events').where('room_id', server.rooms.remoteInvite).update({ deleted: false });
    makeLeave = answer;
    expect(jsonOf(await evacuate(USERS.erin.user_id))).toEqual({
      affected: [server.rooms.remoteInvite],
      unreachable: [{ id: server.rooms.remoteInvite, reason: expect.stringMatching(reason) }],
    });
    expect(await brokenInvariants(db)).toEqual([]);
    expect(await db('public.roomserver_membership').where(nids)).toEqual([]);
  });

  it('counts a room as left if the user leaves it in the meantime', async () => {
    const userId = USERS.carol.user_id as UserId;
    const roomId = server.rooms.v7 as RoomId;
    const leave = { type: 'm.room.member', sender: userId, stateKey: userId, content: { membership: 'leave' } };
    const other = await db.transaction();
    expect((await plugin.admin.rooms.append(other, roomId, [leave])).refused).toEqual([]);
    const answer = evacuate(userId);
    await until(() => isSomebodyWaiting(db));
    await other.commit();
    const { affected, failed } = jsonOf(await answer);
    expect(failed).toBeUndefined();
    expect(affected).toContain(roomId);
    expect(await brokenInvariants(db)).toEqual([]);
  });

  it('leaves the other rooms if one cannot be left', async () => {
    const { rooms } = server;
    await db('public.roomserver_rooms').where('room_id', rooms.v5).update({ room_version: 'of the future' });
    const body = jsonOf(await evacuate(USERS.bob.user_id));
    await db('public.roomserver_rooms').where('room_id', rooms.v5).update({ room_version: '5' });
    expect(body.failed).toEqual([{ id: rooms.v5, reason: 'unsupported room version' }]);
    expect(body.affected).toContain(rooms.v4);
    expect(body.affected).not.toContain(rooms.v5);
    expect(await brokenInvariants(db)).toEqual([]);
    expect(jsonOf(await evacuate(USERS.bob.user_id))).toEqual({ affected: [rooms.v5] });
    expect(woken).toContain(server.remote_server_name);
  });
});
