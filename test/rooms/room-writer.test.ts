import knex, { type Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EventId, isRoomId, isUserId, type RoomId, type ServerName, type UserId } from '../../src/ids.ts';
import { type AdminPlugin, createAdminPlugin } from '../../src/plugin.ts';
import type { RoomEventDraft } from '../../src/rooms/event-chain.ts';
import type { Appended } from '../../src/rooms/room-writer.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createSigningKey, SERVER_NAME, USERS } from '../support/dendrite-server.ts';
import { brokenStates } from '../support/event-invariants.ts';
import { recording } from '../support/recordings.ts';
import { brokenInvariants, incompleteQueue } from '../support/room-invariants.ts';

let database: TestDatabase;
let db: Knex;
/** Another process of the same homeserver. */
let otherDb: Knex;
let admin: AdminPlugin;
let other: AdminPlugin;
beforeAll(async () => {
  database = await createTestDatabase({ fixture: true });
  ({ db } = database);
  otherDb = knex({ client: 'pg', connection: database.connectionString, pool: { min: 0, max: 10 } });
  const host = { serverName: SERVER_NAME, signingKeys: [createSigningKey()] };
  [admin, other] = [createAdminPlugin({ ...host, db }), createAdminPlugin({ ...host, db: otherDb })];
  await Promise.all([admin.start(), other.start()]);
});
afterAll(async () => {
  await Promise.all([admin.stop(), other.stop()]);
  await otherDb.destroy();
  await database.drop();
});

const VERSIONS = Array.from({ length: 12 }, (_, i) => String(i + 1));
const REMOTE = server.remote_server_name;
const userOf = (text: string): UserId => {
  if (!isUserId(text)) throw new Error(`not a user id: ${text}`);
  return text;
};
const roomOf = (name: keyof typeof server.rooms): RoomId => {
  const roomId = server.rooms[name];
  if (!isRoomId(roomId)) throw new Error(`not a room id: ${roomId}`);
  return roomId;
};
const [ALICE, BOB, CAROL] = [USERS.alice.user_id, USERS.bob.user_id, USERS.carol.user_id].map(userOf) as [
  UserId,
  UserId,
  UserId,
];
const local = (name: string): UserId => userOf(`@${name}:${SERVER_NAME}`);

const message = (sender: UserId, body = 'hello'): RoomEventDraft => ({
  type: 'm.room.message',
  sender,
  content: { msgtype: 'm.text', body },
});
const state = (sender: UserId, type: string, content: RoomEventDraft['content'], stateKey = ''): RoomEventDraft => ({
  type,
  sender,
  stateKey,
  content,
});
const member = (sender: UserId, membership: string, userId = sender): RoomEventDraft =>
  state(sender, 'm.room.member', { membership }, userId);

const append = (roomId: RoomId, drafts: readonly RoomEventDraft[], { db: on, rooms } = { db, rooms: admin.rooms }) =>
  on.transaction((transaction) => rooms.append(transaction, roomId, drafts));

const newRoom = (version: string, creator: UserId, drafts: readonly RoomEventDraft[] = []): Promise<Appended> =>
  db.transaction((transaction) =>
    admin.rooms.create(transaction, {
      version,
      creator,
      content: {},
      drafts: [
        member(creator, 'join'),
        state(creator, 'm.room.power_levels', { users: version === '12' ? {} : { [creator]: 100 } }),
        state(creator, 'm.room.join_rules', { join_rule: 'public' }),
        ...drafts,
      ],
    }),
  );

const extremities = async (roomId: RoomId): Promise<number> =>
  (await db('roomserver_rooms').where('room_id', roomId).first()).latest_event_nids.length;
const prevEvents = ({ events }: Appended): unknown[] => events.map(({ event }) => event.prev_events);

/** Lists all contradictions in the database, and events that were not queued for every server in the room. */
const broken = async (): Promise<string[]> => [
  ...(await brokenInvariants(db)),
  ...(await brokenStates(db)),
  ...(await incompleteQueue(db, [SERVER_NAME])),
];

describe('the invariants that these tests check', () => {
  it('hold for data that Dendrite wrote', async () => {
    expect([...(await brokenInvariants(db)), ...(await brokenStates(db))]).toEqual([]);
  });
});

describe('a chain', () => {
  it('fulfils the invariants in a new room of any version', async () => {
    for (const version of VERSIONS) {
      const { roomId, events, refused } = await newRoom(version, ALICE, [
        state(ALICE, 'm.room.history_visibility', { history_visibility: 'joined' }),
        member(ALICE, 'invite', BOB),
      ]);
      expect(refused).toEqual([]);
      expect(events).toHaveLength(6);
      const more = await append(roomId, [
        message(ALICE),
        member(BOB, 'join'),
        message(BOB),
        member(CAROL, 'join'),
        member(ALICE, 'leave', CAROL),
        member(ALICE, 'ban', CAROL),
        member(BOB, 'leave'),
        member(BOB, 'join'),
      ]);
      expect(more.refused).toEqual([]);
      expect(await extremities(roomId)).toBe(1);
    }
    expect(await broken()).toEqual([]);
  });

  it('continues without refused events, and leaves nothing of them', async () => {
    const { roomId } = await newRoom('10', ALICE);
    const drafts = [
      member(BOB, 'join'),
      member(CAROL, 'leave'),
      state(BOB, 'm.room.name', { name: 'mine' }),
      member(BOB, 'leave'),
      message(BOB),
      { ...message(ALICE), content: { body: 'x'.repeat(70_000) } },
      { ...message(ALICE), content: { body: 0.5 } },
      message(userOf(`@mallory:${REMOTE}`)),
      message(ALICE),
    ];
    const appended = await append(roomId, drafts);
    expect(appended.events.map(({ draft }) => draft)).toEqual([drafts[0], drafts[3], drafts[8]]);
    expect(appended.refused.map(({ draft, error }) => [drafts.indexOf(draft), error.errcode, error.message])).toEqual([
      [1, 'M_FORBIDDEN', 'the user is not in the room'],
      [2, 'M_FORBIDDEN', 'the power level is too low to send m.room.name'],
      [4, 'M_FORBIDDEN', 'the sender is not in the room'],
      [5, 'M_TOO_LARGE', 'event is too large'],
      [6, 'M_BAD_JSON', expect.any(String)],
      [7, 'M_FORBIDDEN', `there is no signing key for ${REMOTE}`],
    ]);
  });

  it('is refused in rooms that do not exist or are known only from an invite', async () => {
    for (const roomId of [roomOf('remoteInvite'), '!nowhere:localhost' as RoomId]) {
      await expect(append(roomId, [message(ALICE)])).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' });
    }
  });

  it('merges state blocks after 64 changes, and shares state between messages', async () => {
    const { roomId } = await newRoom('11', ALICE);
    const topics = Array.from({ length: 150 }, (_, i) => [
      state(ALICE, 'm.room.topic', { topic: `${i}` }),
      message(ALICE),
    ]);
    const { refused } = await append(roomId, topics.flat());
    expect(refused).toEqual([]);
    const { rows } = await db.raw(
      `SELECT cardinality(s.state_block_nids) AS blocks FROM roomserver_events e
       JOIN roomserver_rooms r ON r.room_nid = e.room_nid AND r.room_id = ?
       JOIN roomserver_state_snapshots s ON s.state_snapshot_nid = e.state_snapshot_nid ORDER BY e.event_nid`,
      [roomId],
    );
    expect(Math.max(...rows.map(({ blocks }: { blocks: number }) => blocks))).toBe(64);
    expect(await broken()).toEqual([]);
  });

  it('in a large room stores the changes, not the whole state each time', async () => {
    const { roomId } = await newRoom('10', ALICE);
    const users = Array.from({ length: 1_000 }, (_, i) => local(`one-of-many-${i}`));
    const transaction = await db.transaction();
    const entriesAfter = async (membership: string, userIds: readonly UserId[]): Promise<number> => {
      const drafts = userIds.map((userId) => member(userId, membership));
      await admin.rooms.append(transaction, roomId, drafts);
      const blocks = await transaction('roomserver_state_block').pluck('event_nids');
      return blocks.reduce((sum, nids) => sum + nids.length, 0);
    };
    const joined = await entriesAfter('join', users);
    const left = await entriesAfter('leave', users.slice(0, 320));
    await transaction.rollback();
    // Writing the whole state after every 64 leave events would give 5,000.
    expect(left - joined).toBeLessThan(2_500);
  });

  it('needs the same number of statements for many events as for a few', async () => {
    const { roomId } = await newRoom('10', ALICE);
    const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => local(`${prefix}${i}`));
    const statements = async (drafts: readonly RoomEventDraft[]): Promise<number> => {
      let count = 0;
      const { refused } = await db.transaction((transaction) => {
        transaction.on('query', () => void (count += 1));
        return admin.rooms.append(transaction, roomId, drafts);
      });
      expect(refused).toEqual([]);
      expect(count).toBeGreaterThan(5);
      return count;
    };
    const [few, many] = [names('few', 2), names('many', 200)];
    const joins = await statements(few.map((userId) => member(userId, 'join')));
    expect(await statements(many.map((userId) => member(userId, 'join')))).toBe(joins);
    const leaves = await statements(few.map((userId) => member(userId, 'leave')));
    expect(await statements(many.map((userId) => member(userId, 'leave')))).toBe(leaves);
    // The statements are: a lock, the check for a purge, four reads, ids, servers, one write, the summary, and the commit.
    expect(leaves).toBe(11);
    expect(await extremities(roomId)).toBe(1);
  });
});

describe('other servers', () => {
  it('that have only invited users get nothing', async () => {
    const { roomId } = await newRoom('10', ALICE, [member(ALICE, 'invite', userOf(`@user:${REMOTE}`))]);
    expect((await append(roomId, [message(ALICE)])).destinations).toEqual([]);
  });

  it('that are on the blacklist get nothing, but peeking servers do', async () => {
    const transaction = await db.transaction();
    await transaction('federationsender_blacklist').insert({ server_name: REMOTE });
    const peek = { peek_id: 'x', creation_ts: 1, renewed_ts: 1, renewal_interval: 1 };
    const room = { room_id: roomOf('v10') };
    await transaction('federationsender_inbound_peeks').insert({ ...room, server_name: 'peeking.example', ...peek });
    const { destinations } = await admin.rooms.append(transaction, roomOf('v10'), [message(ALICE)]);
    const queued = await transaction('federationsender_queue_pdus').pluck('server_name');
    await transaction.rollback();
    expect([destinations, queued]).toEqual([['peeking.example'], ['peeking.example']]);
  });

  it('get the events for the time their users are in the room', async () => {
    const queued = async (eventId: string): Promise<string[]> =>
      db('federationsender_queue_json AS j')
        .join('federationsender_queue_pdus AS q', 'q.json_nid', 'j.json_nid')
        .where('j.json_body', 'like', `%"_event_id":"${eventId}"%`)
        .pluck('q.server_name');
    const remoteMember = await db('federationsender_joined_hosts').where({
      room_id: roomOf('v10'),
      server_name: REMOTE,
    });
    expect(remoteMember).toHaveLength(1);
    const { event_json: json } = await db('roomserver_event_json AS j')
      .join('roomserver_events AS e', 'e.event_nid', 'j.event_nid')
      .where('e.event_id', remoteMember[0].event_id)
      .first('event_json');
    const remoteUser = userOf(JSON.parse(json).state_key);
    const { events, refused, destinations } = await append(roomOf('v10'), [
      message(BOB),
      member(ALICE, 'leave', remoteUser),
      message(BOB),
    ]);
    expect(refused).toEqual([]);
    expect(await Promise.all(events.map(({ eventId }) => queued(eventId)))).toEqual([[REMOTE], [REMOTE], []]);
    expect(destinations).toEqual([REMOTE]);
  });
});

describe('a forked room', () => {
  /** Sequences of the tables whose rows a recording contains. */
  const SEQUENCES = [
    'roomserver_event_nid_seq',
    'roomserver_state_block_nid_seq',
    'roomserver_state_snapshot_nid_seq',
    'syncapi_stream_id',
  ];

  it('by an evacuation of Dendrite is repaired by the next event', async () => {
    const forked = await createTestDatabase({ fixture: true });
    const plugin = createAdminPlugin({ serverName: SERVER_NAME, db: forked.db, signingKeys: [createSigningKey()] });
    await plugin.start();
    for (const [table, { removed, added }] of Object.entries(recording('evacuateRoom-public-v10-with-remote').tables)) {
      for (const row of removed) await forked.db(table).where(row).del();
      for (const row of added) await forked.db(table).insert(row);
    }
    for (const sequence of SEQUENCES) await forked.db.raw('SELECT setval(?, 1000)', [sequence]);
    expect(await brokenInvariants(forked.db)).toEqual([]);
    const { events, refused } = await append(roomOf('v10'), [member(ALICE, 'join'), message(ALICE)], {
      db: forked.db,
      rooms: plugin.rooms,
    });
    const room = await forked.db('roomserver_rooms').where('room_id', roomOf('v10')).first();
    const wrong = [...(await brokenInvariants(forked.db)), ...(await brokenStates(forked.db))];
    await plugin.stop();
    await forked.drop();
    expect(refused).toEqual([]);
    expect(events.map(({ event }) => (event.prev_events as unknown[]).length)).toEqual([3, 1]);
    expect(room.latest_event_nids).toHaveLength(1);
    expect(wrong).toEqual([]);
  });

  it('with more forward extremities than an event can have previous events is repaired step by step', async () => {
    const { roomId } = await newRoom('10', ALICE);
    const { latest_event_nids: fork } = await db('roomserver_rooms').where('room_id', roomId).first();
    const siblings: string[] = [];
    for (let i = 0; i < 45; i += 1) {
      await append(roomId, [message(ALICE)]);
      const { latest_event_nids: latest } = await db('roomserver_rooms').where('room_id', roomId).first();
      siblings.push(...latest);
      await db('roomserver_rooms').where('room_id', roomId).update({ latest_event_nids: fork });
    }
    await db('roomserver_rooms').where('room_id', roomId).update({ latest_event_nids: siblings });
    const counts: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      const appended = await append(roomId, [message(ALICE), message(ALICE)]);
      counts.push((prevEvents(appended)[0] as unknown[]).length, await extremities(roomId));
    }
    expect(await broken()).toEqual([]);
    expect(counts).toEqual([20, 26, 20, 7, 7, 1, 1, 1]);
  });
});

describe('redactions', () => {
  const redaction = (sender: UserId, redacts: RoomEventDraft['redacts']): RoomEventDraft => ({
    type: 'm.room.redaction',
    sender,
    content: { redacts },
    ...(redacts !== undefined && { redacts }),
  });
  const contentOf = async (eventId: string): Promise<unknown> => {
    const row = await db('syncapi_output_room_events').where('event_id', eventId).first();
    return JSON.parse(row.headered_event_json).content;
  };

  it("are allowed to every user of the sender's server, and to others with the power level", async () => {
    const { roomId } = await newRoom('11', ALICE, [member(BOB, 'join'), member(CAROL, 'join')]);
    const [one] = (await append(roomId, [message(BOB)])).events;
    await append(roomId, [redaction(CAROL, one?.eventId)]);
    expect(await contentOf(one?.eventId ?? '')).toEqual({});
  });

  it('of unknown events and of events in other rooms have no effect', async () => {
    const [one, two] = [await newRoom('10', ALICE), await newRoom('10', ALICE)];
    const [sent] = (await append(one.roomId, [message(ALICE)])).events;
    const { refused } = await append(two.roomId, [
      redaction(ALICE, sent?.eventId),
      redaction(ALICE, '$unknown' as RoomEventDraft['redacts']),
    ]);
    expect(refused).toEqual([]);
    expect(await contentOf(sent?.eventId ?? '')).toEqual({ msgtype: 'm.text', body: 'hello' });
  });

  it('are recorded as in Dendrite, with or without an effect', async () => {
    const { roomId } = await newRoom('11', ALICE);
    const [sent] = (await append(roomId, [message(ALICE)])).events;
    const unknown = '$not-here-yet' as EventId;
    const { events } = await append(roomId, [redaction(ALICE, sent?.eventId), redaction(ALICE, unknown)]);
    const noted = await db('roomserver_redactions').whereIn(
      'redaction_event_id',
      events.map(({ eventId }) => eventId),
    );
    expect(new Map(noted.map((row) => [row.redacts_event_id, row.validated]))).toEqual(
      new Map([
        [sent?.eventId, true],
        [unknown, false],
      ]),
    );
  });
});

describe('concurrent writers', () => {
  it('in several processes never fork a room, and do not block each other for long', async () => {
    const rooms = await Promise.all(['1', '10', '12'].map((version) => newRoom(version, ALICE)));
    const ids = rooms.map(({ roomId }) => roomId);
    const writers = [
      { db, rooms: admin.rooms },
      { db: otherDb, rooms: other.rooms },
    ];
    const work = Array.from({ length: 60 }, (_, i) => {
      const user = local(`writer${i}`);
      const roomId = ids[i % ids.length] ?? ids[0];
      if (roomId === undefined) throw new Error('no room');
      return append(
        roomId,
        [member(user, 'join'), message(user), message(user), member(user, 'leave')],
        writers[i % 2],
      );
    });
    // One transaction writes to two rooms, in the order of their NIDs.
    const both = writers.map(({ db: on, rooms: writer }, i) =>
      on.transaction(async (transaction) => {
        for (const roomId of ids) await writer.append(transaction, roomId, [member(local(`both${i}`), 'join')]);
      }),
    );
    const made = Array.from({ length: 6 }, (_, i) => newRoom('10', local(`creator${i}`)));
    const results = await Promise.all([...work, ...made]);
    await Promise.all(both);
    expect(results.flatMap(({ refused }) => refused)).toEqual([]);
    expect(await Promise.all(ids.map(extremities))).toEqual([1, 1, 1]);
    expect(await broken()).toEqual([]);
  });
});

describe('details that readers depend on', () => {
  const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;

  it.each([
    ['world_readable', 1],
    ['shared', 2],
    ['invited', 3],
    ['joined', 4],
  ])('messages of a room with history visibility %s are stored with it', async (visibility, stored) => {
    const { roomId } = await newRoom('10', ALICE, [
      state(ALICE, 'm.room.history_visibility', { history_visibility: visibility }),
    ]);
    const { events } = await append(roomId, [message(ALICE)]);
    const row = await db('public.syncapi_output_room_events').where({ event_id: events[0]?.eventId }).first();
    expect(Number(row.history_visibility)).toBe(stored);
  });

  it('users with less power leave a room before users with more power', async () => {
    const { roomId } = await newRoom('10', ALICE, [
      state(ALICE, 'm.room.join_rules', { join_rule: 'public' }),
      state(ALICE, 'm.room.power_levels', { users: { [ALICE]: 100, [BOB]: 10, [CAROL]: 50 } }),
    ]);
    await append(roomId, [member(CAROL, 'join'), member(BOB, 'join')]);
    await admin.operations.evacuateRoom({ roomId }, SYSTEM);
    const leaves = await db('public.syncapi_output_room_events')
      .where({ room_id: roomId, type: 'm.room.member' })
      .orderBy('id', 'desc')
      .limit(3)
      .pluck('sender');
    expect(leaves).toEqual([ALICE, CAROL, BOB]);
  });

  it('the state at a state event includes the event', async () => {
    const { roomId } = await newRoom('10', ALICE, [state(ALICE, 'm.room.topic', { topic: 'before' })]);
    const { events } = await append(roomId, [state(ALICE, 'm.room.topic', { topic: 'after' })]);
    const eventId = events[0]?.eventId ?? ('' as EventId);
    const context = await admin.operations.getEventContext({ roomId, eventId, limit: 0 }, SYSTEM);
    const topics = context.state.filter(({ type }) => type === 'm.room.topic');
    expect(topics).toMatchObject([{ content: { topic: 'after' } }]);
  });

  it.each([
    ['another server without power', 'virtual.example', false],
    ['the server of the sender', SERVER_NAME, true],
  ])('a redaction by a user of %s has the right effect', async (_, serverName, takesEffect) => {
    const virtual = 'virtual.example' as ServerName;
    const host = createAdminPlugin({
      serverName: SERVER_NAME,
      virtualHosts: [virtual],
      signingKeys: [createSigningKey(), { ...createSigningKey(), serverName: virtual }],
      db,
    });
    const { roomId } = await newRoom('10', ALICE);
    const redactor = userOf(`@redactor:${serverName}`);
    const on = { db, rooms: host.rooms };
    const { events } = await append(roomId, [message(ALICE, 'stays or goes'), member(redactor, 'join')], on);
    const redacts = events[0]?.eventId ?? ('' as EventId);
    await append(roomId, [{ type: 'm.room.redaction', sender: redactor, redacts, content: { redacts } }], on);
    const row = await db('public.syncapi_output_room_events').where({ event_id: redacts }).first();
    expect(row.headered_event_json.includes('stays or goes')).toBe(!takesEffect);
  });
});
