import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoomId, UserId } from '../../src/ids.ts';
import type { Departure } from '../../src/index.ts';
import { removeOldDepartures } from '../../src/storage/plugin/departures.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { USERS } from '../support/dendrite-server.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { namesOf, tracesOf } from '../support/room-traces.ts';

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const [alice, bob, dave] = [USERS.alice, USERS.bob, USERS.dave].map(({ user_id: id }) => id as UserId) as [
  UserId,
  UserId,
  UserId,
];

let plugin: MountedPlugin;
let db: Knex;
const told: string[] = [];
beforeAll(async () => {
  plugin = await mountPlugin({
    host: { notifier: { roomsChanged: () => {}, usersChanged: (users) => void told.push(...users) } },
  });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

const room = (name: keyof typeof server.rooms): RoomId => server.rooms[name] as RoomId;
const rows = (roomId: RoomId): PromiseLike<Record<string, string>[]> =>
  db('matrix_admin.departures').where('room_id', roomId).orderBy('user_id');

/** Returns the newest stream id. */
async function position(): Promise<number> {
  const { rows: found } = await db.raw('SELECT last_value::float8 AS id FROM syncapi_stream_id');
  return found[0].id;
}

/** Returns the departures that are new for a client that has received everything up to the position `after`. */
const heardSince = async (userId: UserId, after: number): Promise<Departure[]> =>
  plugin.admin.rooms.departures(userId, { after, upTo: await position() });

describe('departures', () => {
  it('are stored for all local users of a purged room, under one stream id', async () => {
    const roomId = room('v11');
    const before = await position();
    const names = await namesOf(db, roomId);
    await plugin.admin.operations.purgeRoom({ roomId }, SYSTEM);
    const departed = await rows(roomId);
    expect(departed.map(({ user_id: id }) => id)).toEqual(expect.arrayContaining([alice, bob, dave]));
    expect(departed.every(({ user_id: id }) => id?.endsWith(server.server_name))).toBe(true);
    expect(new Set(departed.map((row) => row.position)).size).toBe(1);
    expect(told).toEqual(expect.arrayContaining([alice, bob, dave]));
    // The joined user and the invited user each get the departure once.
    for (const userId of [alice, dave]) {
      const [departure, ...more] = await heardSince(userId, before);
      expect([departure?.roomId, more]).toEqual([roomId, []]);
      expect(departure?.departedTs).toBeCloseTo(Date.now(), -5);
      expect(await heardSince(userId, departure?.position ?? 0)).toEqual([]);
    }
    expect(await tracesOf(db, names)).toEqual([]);
  });

  it('are not told to clients that have received the leave event', async () => {
    const roomId = room('v9');
    const before = await position();
    await plugin.admin.operations.evacuateRoom({ roomId }, SYSTEM);
    const between = await position();
    await plugin.admin.operations.deleteRoom({ roomId }, SYSTEM);
    expect((await heardSince(bob, before)).map((departure) => departure.roomId)).toEqual([roomId]);
    expect(await heardSince(bob, between)).toEqual([]);
  });

  it('are not stored by a dry run, and not by a deletion that keeps the room', async () => {
    const roomId = room('v8');
    await plugin.admin.operations.purgeRoom({ roomId, dryRun: true }, SYSTEM);
    expect(await rows(roomId)).toEqual([]);
    await plugin.admin.operations.deleteRoom({ roomId, purge: false }, SYSTEM);
    expect(await rows(roomId)).toEqual([]);
  });

  it('let users leave and forget the room', async () => {
    const { leaveDeparted } = plugin.admin.rooms;
    expect(await leaveDeparted(alice, room('v11'))).toBe(true);
    expect(await leaveDeparted('@nobody:localhost:18448' as UserId, room('v11'))).toBe(false);
    expect(await leaveDeparted(alice, room('v7'))).toBe(false);
  });

  it('end when the user comes back', async () => {
    const before = await position();
    for (const userId of [bob, USERS.frank.user_id]) {
      await db('matrix_admin.departures').insert({ user_id: userId, room_id: room('v7'), position: before + 1 });
    }
    await db.raw('SELECT nextval(?)', ['syncapi_stream_id']);
    // Bob is in the room again. This membership was not written by the plugin's room writer.
    expect(await heardSince(bob, before)).toEqual([]);
    expect(await plugin.admin.rooms.leaveDeparted(bob, room('v7'))).toBe(false);
    const frank = USERS.frank.user_id as UserId;
    expect(await heardSince(frank, before)).toHaveLength(1);
    const invite = { type: 'm.room.member', sender: alice, stateKey: frank, content: { membership: 'invite' } };
    await db.transaction((transaction) => plugin.admin.rooms.append(transaction, room('v7'), [invite]));
    expect((await rows(room('v7'))).map(({ user_id: id }) => id)).toEqual([bob]);
  });

  it('end after 30 days', async () => {
    const age = (days: number): PromiseLike<unknown> =>
      db.raw(`UPDATE matrix_admin.departures SET departed_at = now() - ? * interval '1 day'`, [days]);
    await age(29);
    await removeOldDepartures(db);
    expect(await heardSince(alice, 0)).toHaveLength(2);
    await age(30);
    expect(await heardSince(alice, 0)).toEqual([]);
    expect(await plugin.admin.rooms.leaveDeparted(alice, room('v11'))).toBe(false);
    await removeOldDepartures(db);
    expect(await db('matrix_admin.departures')).toEqual([]);
  });
});
