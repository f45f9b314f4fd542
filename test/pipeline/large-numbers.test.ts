import type { Knex } from 'knex';
import { expect, it, onTestFinished } from 'vitest';
import type { RoomId, UserId } from '../../src/ids.ts';
import { USERS } from '../support/dendrite-server.ts';
import { callEveryRoute } from '../support/every-route.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { brokenInvariants } from '../support/room-invariants.ts';

const ABOVE_32_BITS = 2 ** 33;
const alice = USERS.alice.user_id as UserId;
const bob = USERS.bob.user_id as UserId;

/** Raises all sequences, so that new values need more than 32 bits. */
async function raiseSequences(db: Knex): Promise<void> {
  const { rows } = await db.raw<{ rows: { name: string }[] }>(
    `SELECT format('%I.%I', schemaname, sequencename) AS name FROM pg_sequences WHERE data_type = 'bigint'::regtype`,
  );
  for (const { name } of rows) await db.raw('SELECT setval(?::regclass, ?)', [name, ABOVE_32_BITS]);
}

/** Makes alice create a room, with bob as a member and with some messages. */
async function makeRoom({ admin, database }: MountedPlugin): Promise<RoomId> {
  const message = (body: string) => ({ type: 'm.room.message', sender: alice, content: { msgtype: 'm.text', body } });
  const joinRules = { type: 'm.room.join_rules', sender: alice, stateKey: '', content: { join_rule: 'public' } };
  const join = (userId: UserId) => ({
    type: 'm.room.member',
    sender: userId,
    stateKey: userId,
    content: { membership: 'join' },
  });
  return database.db.transaction(async (transaction) => {
    const { roomId, refused } = await admin.rooms.create(transaction, {
      version: '10',
      creator: alice,
      content: {},
      drafts: [join(alice), joinRules, join(bob), message('one'), message('two')],
    });
    expect(refused).toEqual([]);
    return roomId;
  });
}

it('operations work on NIDs, stream ids and positions above 2^33', { timeout: 60_000 }, async () => {
  const plugin = await mountPlugin({ options: ALL_ROUTES });
  onTestFinished(() => plugin.close());
  const { db } = plugin.database;
  await raiseSequences(db);
  const shown = await makeRoom(plugin);
  const doomed: RoomId[] = [];
  for (let count = 0; count < 5; count += 1) doomed.push(await makeRoom(plugin));
  const [room] = await db('roomserver_rooms').where({ room_id: shown }).select('room_nid');
  expect(Number(room.room_nid)).toBeGreaterThan(ABOVE_32_BITS);
  await callEveryRoute(plugin, { shown, doomed });
  expect(await brokenInvariants(db)).toEqual([]);
});
