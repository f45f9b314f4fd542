import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RoomId, type UserId, userIdOf } from '../../../src/ids.ts';
import { buildEvent } from '../../../src/matrix/build-event.ts';
import { checkEvent } from '../../../src/matrix/check-event.ts';
import { roomVersionOf } from '../../../src/matrix/room-version.ts';
import { createFederation, type Federation } from '../../../src/reference-host/federation/federation.ts';
import { receiveEvent } from '../../../src/rooms/receive-event.ts';
import { createRoomStates } from '../../../src/rooms/room-states.ts';
import { storeRemoteInvite } from '../../../src/rooms/store-remote-invite.ts';
import { createCapturedLogger } from '../../support/captured-logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createSigningKey, SERVER_NAME } from '../../support/dendrite-server.ts';
import { countQueued, startRemote } from '../../support/federation.ts';
import { jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { RemoteRoom } from '../../support/remote-room.ts';
import type { Fault, RemoteServer } from '../../support/remote-server.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

const LIMIT_MS = 400;
const VERSION = '10';
const ALICE = userIdOf('alice', SERVER_NAME);

let database: TestDatabase;
let federation: Federation;
let plugin: MountedPlugin;
let remote: RemoteServer;
beforeAll(async () => {
  const key = createSigningKey();
  const { serverName, keyId, privateKey } = key;
  database = await createTestDatabase({ fixture: true });
  federation = createFederation({
    notifier: { roomsChanged: () => {}, usersChanged: () => {} },
    db: database.db,
    databaseUrl: database.connectionString,
    serverName,
    signingKeys: [key],
    logger: createCapturedLogger(),
    https: { allowPrivate: true, verifyTls: false },
    transactionLimitMs: LIMIT_MS,
  });
  plugin = await mountPlugin({
    database,
    host: { signingKeys: [key], federation: federation.sender },
    options: { limits: { federationRequestMs: LIMIT_MS } },
  });
  await federation.start();
  remote = await startRemote([{ serverName, keyId, publicKey: createPublicKey(privateKey) }]);
});
afterAll(async () => {
  await plugin.close();
  await federation.stop();
  await remote.stop();
  await database.drop();
});

/** Makes a room of Alice that Bob of the remote server has joined. */
async function sharedRoom(): Promise<RoomId> {
  const { db } = database;
  const { roomId, events } = await db.transaction((transaction) => {
    const state = (type: string, content: object, stateKey = '') => ({
      type,
      sender: ALICE,
      stateKey,
      content: { ...content },
    });
    const drafts = [
      state('m.room.member', { membership: 'join' }, ALICE),
      state('m.room.join_rules', { join_rule: 'public' }),
    ];
    return plugin.admin.rooms.create(transaction, { version: VERSION, creator: ALICE, content: {}, drafts });
  });
  const [create, , rules] = events;
  if (create === undefined || rules === undefined) throw new Error('the room is not complete');
  const bob = userIdOf('bob', remote.name);
  const join = buildEvent(
    {
      roomId,
      type: 'm.room.member',
      sender: bob,
      stateKey: bob,
      content: { membership: 'join' },
      depth: 4,
      originServerTs: Date.now(),
      authEvents: [create, rules],
      prevEvents: [rules],
    },
    roomVersionOf(VERSION),
    remote.key,
  );
  const checked = checkEvent(join.event, roomId, roomVersionOf(VERSION));
  if (checked === undefined) throw new Error('no join');
  const chain = {
    serverName: SERVER_NAME,
    localServerNames: [SERVER_NAME],
    states: createRoomStates(),
    applyEvents: async () => {},
  };
  const settings = { ...chain, isTold: () => false };
  await db.transaction((transaction) => receiveEvent(transaction, roomId, checked, settings));
  const known = [...events.map(({ event }) => event), join.event];
  remote.rooms.set(roomId, new RemoteRoom(VERSION, known));
  return roomId;
}

/** Invites Alice to a room of the remote server. */
async function remoteInvite(): Promise<RoomId> {
  const bob = userIdOf('bob', remote.name);
  const roomId = `!${Math.random().toString(36).slice(2)}:${remote.name}` as RoomId;
  const { eventId, event } = buildEvent(
    {
      roomId,
      type: 'm.room.member',
      sender: bob,
      stateKey: ALICE,
      content: { membership: 'invite' },
      depth: 5,
      originServerTs: Date.now(),
      authEvents: [],
      prevEvents: [],
    },
    roomVersionOf(VERSION),
    remote.key,
  );
  const invite = { roomId, version: VERSION, eventId, event, sender: bob, userId: ALICE };
  await database.db.transaction((transaction) => storeRemoteInvite(transaction, invite, async () => {}));
  return roomId;
}

const post = (operation: string, id: string) =>
  plugin.asAdmin(`/_dendrite/admin/${operation}/${encodeURIComponent(id)}`, { method: 'POST' });

async function membershipOf(roomId: RoomId, userId: UserId): Promise<unknown> {
  const row = await database
    .db('public.syncapi_current_room_state')
    .where({ room_id: roomId, type: 'm.room.member', state_key: userId })
    .first('membership');
  return row?.membership;
}

const FAULTS: readonly [string, Fault | 'down'][] = [
  ['is down', 'down'],
  ['gives no answer', { kind: 'silent' }],
  ['breaks connections', { kind: 'reset' }],
  ['answers with a page', { kind: 'answer', status: 200, body: '<html>' }],
  ['fails', { kind: 'answer', status: 500, body: '{"errcode":"M_UNKNOWN","error":"secret"}' }],
  ['answers with other JSON', { kind: 'answer', status: 200, body: '{"event":7,"pdus":7}' }],
  ['answers without end', { kind: 'huge' }],
  ['refuses', { kind: 'answer', status: 403, body: '{"errcode":"M_FORBIDDEN","error":"secret"}' }],
];

describe.each(FAULTS)('while another server %s', (_, fault) => {
  beforeAll(async () => {
    if (fault === 'down') await remote.down();
    else remote.fault = () => fault;
    return async () => {
      remote.fault = undefined;
      if (fault === 'down') await remote.up();
    };
  });

  it('users leave a room here at once, and the other server is informed later', async () => {
    const roomId = await sharedRoom();
    const before = remote.pdus.length;
    const startedAt = Date.now();
    expect(jsonOf(await post('evacuateRoom', roomId))).toEqual({ affected: [ALICE] });
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    expect(await membershipOf(roomId, ALICE)).toBe('leave');
    expect(await brokenInvariants(database.db)).toEqual([]);
    expect((await countQueued(database.db, remote.name)).pdus).toBeGreaterThan(0);

    remote.fault = undefined;
    if (fault === 'down') await remote.up();
    await federation.alive(remote.name);
    await expect.poll(() => countQueued(database.db, remote.name)).toMatchObject({ pdus: 0 });
    expect(remote.pdus.slice(before).map(({ room_id, state_key }) => [room_id, state_key])).toEqual([[roomId, ALICE]]);
    expect(remote.transactions.flatMap(({ errors }) => Object.values(errors))).toEqual([]);
    if (fault === 'down') await remote.down();
    else remote.fault = () => fault;
  });

  it('an invite is rejected here in time, and the answer says that its server was not informed', async () => {
    const roomId = await remoteInvite();
    const startedAt = Date.now();
    const answer = await post('evacuateUser', ALICE);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    const { affected, unreachable, failed } = jsonOf(answer);
    expect(affected).toContain(roomId);
    expect(failed).toBeUndefined();
    expect(unreachable).toEqual([{ id: roomId, reason: expect.stringContaining(remote.name) }]);
    expect(answer.text).not.toContain('secret');
    const pending = database.db('public.syncapi_invite_events').where({ room_id: roomId, deleted: false });
    expect(await pending).toEqual([]);
  });
});

describe('a server on the blacklist', () => {
  it('receives nothing, and nothing is queued for it', async () => {
    const roomId = await sharedRoom();
    await database.db('public.federationsender_blacklist').insert({ server_name: remote.name });
    const before = remote.requests.length;
    const queued = await countQueued(database.db, remote.name);
    expect(jsonOf(await post('evacuateRoom', roomId))).toEqual({ affected: [ALICE] });
    expect(await countQueued(database.db, remote.name)).toEqual(queued);
    expect(remote.requests).toHaveLength(before);
  });
});
