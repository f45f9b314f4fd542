import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isUserId, type RoomId, type ServerName, type UserId } from '../../src/ids.ts';
import { type AdminPlugin, createAdminPlugin } from '../../src/plugin.ts';
import type { RoomEventDraft } from '../../src/rooms/event-chain.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createSigningKey, SERVER_NAME } from '../support/dendrite-server.ts';
import { brokenStates } from '../support/event-invariants.ts';
import { brokenInvariants } from '../support/room-invariants.ts';

const MEMBERS = 1_200;
const REMOTE = 'far.example' as ServerName;

let database: TestDatabase;
let db: Knex;
let admin: AdminPlugin;
/** Another process of the same homeserver. */
let other: AdminPlugin;
let large: RoomId;
let small: RoomId;

const local = (name: string): UserId => {
  const userId = `@${name}:${SERVER_NAME}`;
  if (!isUserId(userId)) throw new Error(`not a user id: ${userId}`);
  return userId;
};
const FOUNDER = local('founder');
const join = (userId: UserId): RoomEventDraft => ({
  type: 'm.room.member',
  sender: userId,
  stateKey: userId,
  content: { membership: 'join' },
});
const message = (sender = FOUNDER): RoomEventDraft => ({
  type: 'm.room.message',
  sender,
  content: { msgtype: 'm.text', body: 'hello' },
});

const append = ({ rooms }: AdminPlugin, roomId: RoomId, ...drafts: RoomEventDraft[]) =>
  db.transaction((transaction) => rooms.append(transaction, roomId, drafts));

async function makeRoom(members: number): Promise<RoomId> {
  const drafts = [
    join(FOUNDER),
    { type: 'm.room.join_rules', sender: FOUNDER, stateKey: '', content: { join_rule: 'public' } },
    ...Array.from({ length: members }, (_, n) => join(local(`member${n}`))),
  ];
  const { roomId, refused } = await db.transaction((transaction) =>
    admin.rooms.create(transaction, { version: '10', creator: FOUNDER, content: {}, drafts }),
  );
  expect(refused).toEqual([]);
  return roomId;
}

beforeAll(async () => {
  database = await createTestDatabase();
  ({ db } = database);
  const host = { serverName: SERVER_NAME, signingKeys: [createSigningKey()], db };
  [admin, other] = [createAdminPlugin(host), createAdminPlugin(host)];
  await Promise.all([admin.start(), other.start()]);
  [large, small] = [await makeRoom(MEMBERS), await makeRoom(1)];
});
afterAll(async () => {
  await Promise.all([admin.stop(), other.stop()]);
  await database.drop();
});

/** Returns the number of characters in the rows that are read when a message is sent. */
async function readBy(plugin: AdminPlugin, roomId: RoomId): Promise<number> {
  let read = 0;
  await db.transaction((transaction) => {
    transaction.on('query-response', (response: { rows: unknown[] }) => {
      read += JSON.stringify(response.rows).length;
    });
    return plugin.rooms.append(transaction, roomId, [message()]);
  });
  return read;
}

describe('a message in a large room', () => {
  it('reads as little as one in a small room', async () => {
    await append(admin, small, message());
    await append(admin, large, message());
    const inSmall = await readBy(admin, small);
    expect(inSmall).toBeGreaterThan(100);
    expect(await readBy(admin, large)).toBeLessThan(inSmall * 1.1);
  });

  it('uses the state that another process has written', async () => {
    await append(admin, large, message());
    const newcomer = local('newcomer');
    await append(other, large, join(newcomer));
    const { refused } = await append(admin, large, message(newcomer));
    expect(refused).toEqual([]);
    await append(other, large, { ...join(newcomer), content: { membership: 'leave' } });
    const afterwards = await append(admin, large, message(newcomer));
    expect(afterwards.refused.map(({ error }) => error.errcode)).toEqual(['M_FORBIDDEN']);
  });

  it('goes to a server whose first user has joined through another process', async () => {
    expect((await append(admin, large, message())).destinations).toEqual([]);
    await db.transaction(async (transaction) => {
      // This is a simplified join of a remote user: the state changes, and the user's server is in the room.
      const { events } = await other.rooms.append(transaction, large, [join(local('with-remote'))]);
      const row = { room_id: large, event_id: `${events[0]?.eventId}-remote`, server_name: REMOTE };
      await transaction('federationsender_joined_hosts').insert(row);
    });
    expect((await append(admin, large, message())).destinations).toEqual([REMOTE]);
    await db('federationsender_joined_hosts').where('server_name', REMOTE).del();
  });

  it('does not use state that was rolled back', async () => {
    const ghost = local('ghost');
    await db
      .transaction(async (transaction) => {
        await admin.rooms.append(transaction, large, [join(ghost)]);
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    const { refused } = await append(admin, large, message(ghost));
    expect(refused.map(({ error }) => error.errcode)).toEqual(['M_FORBIDDEN']);
  });

  it('keeps the tables consistent, however often the state changes', async () => {
    for (let n = 0; n < 70; n += 1) await append(n % 3 === 0 ? other : admin, large, join(local(`late${n}`)));
    expect([...(await brokenInvariants(db)), ...(await brokenStates(db))]).toEqual([]);
  });
});

describe('a long chain', () => {
  it('is written in parts, so that no statement takes long to build', async () => {
    const drafts = Array.from({ length: 1_000 }, () => message());
    const sizes: number[] = [];
    const { events } = await db.transaction((transaction) => {
      transaction.on('query', ({ bindings = [] }: { bindings?: unknown[] }) =>
        sizes.push(JSON.stringify(bindings).length),
      );
      return admin.rooms.append(transaction, small, drafts);
    });
    expect(events).toHaveLength(drafts.length);
    const written = sizes.reduce((sum, size) => sum + size, 0);
    expect(Math.max(...sizes)).toBeLessThan(written / 3);
    expect(await brokenInvariants(db)).toEqual([]);
  });
});
