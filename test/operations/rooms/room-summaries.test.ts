import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoomId, UserId } from '../../../src/ids.ts';
import { createRoomWriter } from '../../../src/rooms/room-writer.ts';
import { readSummarisedRoomPage } from '../../../src/storage/plugin/summarised-rooms.ts';
import { ROOM_ORDERS, readRoomPage } from '../../../src/storage/roomserver/room-list.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { createSigningKey, SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

const ALICE = USERS.alice.user_id as UserId;
const BOB = USERS.bob.user_id as UserId;
const LOCAL = [SERVER_NAME];

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  db = plugin.database.pluginDb;
});
afterAll(() => plugin.close());

const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;

async function rebuild(dryRun = false): Promise<{ compared: number; wrong: number }> {
  return (await plugin.admin.operations.rebuildSummaries({ dryRun }, SYSTEM)).rooms;
}

const rooms = async (): Promise<number> =>
  Number((await db('roomserver_rooms').whereRaw(`latest_event_nids <> '{}'`).count({ n: '*' }).first())?.n);

const append = (roomId: RoomId, ...drafts: Parameters<MountedPlugin['admin']['rooms']['append']>[2]) =>
  db.transaction((transaction) => plugin.admin.rooms.append(transaction, roomId, drafts));

const member = (userId: UserId, membership: string) => ({
  type: 'm.room.member',
  sender: userId,
  stateKey: userId,
  content: { membership },
});

async function createRoom(name: string): Promise<RoomId> {
  const state = (type: string, content: Record<string, unknown>) => ({ type, sender: ALICE, stateKey: '', content });
  const { roomId } = await db.transaction((transaction) =>
    plugin.admin.rooms.create(transaction, {
      version: '10',
      creator: ALICE,
      content: {},
      drafts: [
        member(ALICE, 'join'),
        state('m.room.power_levels', { users: { [ALICE]: 100 } }),
        state('m.room.join_rules', { join_rule: 'public' }),
        state('m.room.name', { name }),
      ],
    }),
  );
  return roomId;
}

const summaryOf = async (roomId: RoomId) => db('matrix_admin.room_summaries').where('room_id', roomId).first();

describe('summaries of rooms', () => {
  it('are built by a job, and a dry run counts what is wrong', async () => {
    const before = await rebuild(true);
    expect(before.wrong).toBe(await rooms());
    expect(await db('matrix_admin.room_summaries')).toEqual([]);
    expect(await rebuild()).toEqual({ compared: before.compared, wrong: before.wrong });
    expect(await rebuild()).toEqual({ compared: before.compared, wrong: 0 });
    expect(await brokenInvariants(plugin.database.db)).toEqual([]);
    const indexes = await db('pg_indexes').where({ schemaname: 'matrix_admin', tablename: 'room_summaries' });
    expect(indexes.map(({ indexname }) => indexname)).toEqual(
      expect.arrayContaining(['room_summaries_name', 'room_summaries_canonical_alias']),
    );
    const answer = await plugin.asAdmin('/_dendrite/admin/summaries/rebuild', {
      method: 'POST',
      body: '{"dry_run":true}',
    });
    expect(jsonOf(answer)).toMatchObject({ dry_run: true, rooms: { compared: before.compared, wrong: 0 } });
  });

  it('give the same lists as the tables of the homeserver', async () => {
    await createRoom('100%_sure\\');
    await createRoom('x'.repeat(3_000));
    const searchTerms = [
      undefined,
      'room',
      'ROOM',
      '%',
      '_s',
      '\\',
      '#',
      'nothing like this',
      server.rooms.v10,
      `:${SERVER_NAME}`,
    ];
    for (const isReversed of [false, true]) {
      for (const orderBy of ROOM_ORDERS) {
        for (const offset of [0, 3, 7, 1_000]) {
          const page = { orderBy, isReversed, offset, limit: 5 };
          expect([page, await readSummarisedRoomPage(db, {}, page, LOCAL)]).toEqual([
            page,
            await readRoomPage(db, {}, page, LOCAL),
          ]);
        }
      }
    }
    const page = { orderBy: 'name', isReversed: false, offset: 0, limit: 100 } as const;
    for (const searchTerm of searchTerms) {
      for (const isPublic of [undefined, true, false]) {
        for (const isEmpty of [undefined, true, false]) {
          const filter = { searchTerm, isPublic, isEmpty };
          expect([filter, await readSummarisedRoomPage(db, filter, page, LOCAL)]).toEqual([
            filter,
            await readRoomPage(db, filter, page, LOCAL),
          ]);
        }
      }
    }
  });

  it('follow events in their transactions', async () => {
    const roomId = await createRoom('first name');
    expect(await summaryOf(roomId)).toMatchObject({ name: 'first name', joined_members: 1, state_events: 5 });
    await append(roomId, member(BOB, 'join'), member(BOB, 'leave'), member(BOB, 'join'));
    expect(await summaryOf(roomId)).toMatchObject({ joined_members: 2, joined_local_members: 2, state_events: 6 });
    const renamed = await append(roomId, {
      type: 'm.room.name',
      sender: ALICE,
      stateKey: '',
      content: { name: 'second name' },
    });
    expect(await summaryOf(roomId)).toMatchObject({ name: 'second name', state_events: 6 });
    const redacts = renamed.events[0]?.eventId;
    if (redacts === undefined) throw new Error('the name was refused');
    await append(roomId, { type: 'm.room.redaction', sender: ALICE, content: {}, redacts });
    expect(await summaryOf(roomId)).toMatchObject({ name: null, search_name: null });
    await append(roomId, member(BOB, 'leave'), { type: 'm.room.message', sender: ALICE, content: { body: 'x' } });
    expect(await summaryOf(roomId)).toMatchObject({ joined_members: 1, joined_local_members: 1 });
    await expect(
      db.transaction(async (transaction) => {
        await plugin.admin.rooms.append(transaction, roomId, [member(BOB, 'join')]);
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect(await summaryOf(roomId)).toMatchObject({ joined_members: 1 });
    expect((await rebuild(true)).wrong).toBe(0);
  });

  it('are not read for events that change no state', async () => {
    const roomId = await createRoom('quiet');
    const queries: string[] = [];
    const note = ({ sql }: { sql: string }): void => void queries.push(sql);
    db.on('query', note);
    const { events } = await append(roomId, { type: 'm.room.message', sender: ALICE, content: { body: 'x' } });
    expect(queries.filter((sql) => /room_summaries|remove_state_ids <>/.test(sql))).toEqual([]);
    // If the caller does not pass `changes_state`, the plugin reads from the event's row whether the message has changed the
    // state.
    await plugin.admin.events.apply(
      events.map(({ eventId }) => ({ event_id: eventId, room_id: roomId, type: 'm.room.message', content: {} })),
    );
    db.removeListener('query', note);
    expect(queries.filter((sql) => sql.includes('remove_state_ids <>'))).toHaveLength(1);
  });

  it('need one small statement for a state event', async () => {
    const roomId = await createRoom('lone');
    const state = (type: string, content: Record<string, unknown>, stateKey = '') => ({
      type,
      sender: ALICE,
      stateKey,
      content,
    });
    const queries: string[] = [];
    const note = ({ sql }: { sql: string }): void => void queries.push(sql);
    db.on('query', note);
    const drafts = [
      state('m.room.name', { name: 'Ünïcode \u0000 💩' }),
      state('m.room.name', { name: '' }),
      state('m.room.name', { name: 'x'.repeat(3_000) }),
      state('m.room.name', { name: 'not this one' }, 'key'),
      state('m.room.canonical_alias', { alias: `#Lone:${SERVER_NAME}` }),
      state('m.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' }),
      state('m.room.join_rules', { join_rule: 'public' }),
      state('m.room.guest_access', { guest_access: 'can_join' }),
      state('m.room.history_visibility', { history_visibility: 'shared' }),
      state('org.example.other', {}),
      member(BOB, 'join'),
      { ...member(BOB, 'join'), content: { membership: 'join', displayname: 'Bob' } },
      member(BOB, 'leave'),
      member(BOB, 'join'),
    ];
    for (const draft of drafts) await append(roomId, draft);
    db.removeListener('query', note);
    const about = queries.filter((sql) => sql.includes('follow_state_event') || sql.includes('room_summaries'));
    expect(about).toEqual(drafts.map(() => expect.stringContaining('follow_state_event')));
    expect(await summaryOf(roomId)).toMatchObject({ search_alias: `#lone:${SERVER_NAME}`, joined_local_members: 2 });
    expect((await rebuild(true)).wrong).toBe(0);
  });

  it('stay correct if the host reports an event twice, late, or after the commit', async () => {
    const roomId = await createRoom('twice');
    const { events } = await append(roomId, member(BOB, 'join'), member(BOB, 'leave'));
    const applied = events.map(({ eventId: event_id, draft: { type, content, stateKey } }) => ({
      event_id,
      room_id: roomId,
      type,
      content,
      state_key: stateKey ?? '',
    }));
    await plugin.admin.events.apply(applied);
    await plugin.admin.events.apply(applied.toReversed());
    expect(await summaryOf(roomId)).toMatchObject({ joined_members: 1 });
    await db('matrix_admin.room_summaries').where('room_id', roomId).delete();
    await plugin.admin.events.apply(applied.slice(0, 1));
    expect(await summaryOf(roomId)).toMatchObject({ name: 'twice', joined_members: 1 });
    expect((await rebuild(true)).wrong).toBe(0);
  });

  it('are counted again if the host has not reported an earlier event', async () => {
    const roomId = await createRoom('missed');
    const silent = createRoomWriter({
      serverName: SERVER_NAME,
      localServerNames: LOCAL,
      signingKeys: [createSigningKey()],
      applyEvents: async () => {},
    });
    const miss = (...drafts: Parameters<typeof append>[1][]) =>
      db.transaction((transaction) => silent.append(transaction, roomId, drafts));
    await miss(member(BOB, 'join'), { type: 'm.room.name', sender: ALICE, stateKey: '', content: { name: 'found' } });
    await append(roomId, member(BOB, 'leave'));
    expect(await summaryOf(roomId)).toMatchObject({ joined_members: 1, name: 'found', state_events: 6 });
    await append(roomId, member(BOB, 'join'));
    await miss(member(BOB, 'leave'));
    await append(roomId, { type: 'm.room.topic', sender: ALICE, stateKey: '', content: { topic: 'x' } });
    expect(await summaryOf(roomId)).toMatchObject({ joined_members: 1, state_events: 7 });
    // A new count of the members would correct this wrong number. But an event that directly follows the summary must not make
    // the plugin count.
    await db('matrix_admin.room_summaries').where('room_id', roomId).update({ joined_members: 5 });
    await append(roomId, { type: 'm.room.message', sender: ALICE, content: { body: 'x' } });
    await append(roomId, member(BOB, 'join'));
    expect(await summaryOf(roomId)).toMatchObject({ joined_members: 6 });
    await db('matrix_admin.room_summaries').where('room_id', roomId).update({ joined_members: 2 });
    expect((await rebuild(true)).wrong).toBe(0);
  });

  it('are deleted when their room is purged', async () => {
    const roomId = await createRoom('to be purged');
    await plugin.admin.operations.purgeRoom({ roomId }, SYSTEM);
    expect(await summaryOf(roomId)).toBeUndefined();
    expect((await rebuild(true)).wrong).toBe(0);
  });

  it('are corrected by a rebuild', async () => {
    const roomId = await createRoom('wrong');
    await db('matrix_admin.room_summaries').where('room_id', roomId).update({ joined_members: 7, name: 'other' });
    // A room that does not exist.
    await db('matrix_admin.room_summaries').insert({ ...(await summaryOf(roomId)), room_nid: 999_999 });
    expect((await rebuild(true)).wrong).toBe(2);
    expect((await rebuild()).wrong).toBe(2);
    expect(await summaryOf(roomId)).toMatchObject({ name: 'wrong', joined_members: 1 });
  });
});
