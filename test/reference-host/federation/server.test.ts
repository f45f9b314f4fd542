import type { Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FederationError } from '../../../src/errors.ts';
import { type RoomId, type ServerName, userIdOf } from '../../../src/ids.ts';
import { type BuiltEvent, buildEvent } from '../../../src/matrix/build-event.ts';
import { completeEvent } from '../../../src/matrix/complete-event.ts';
import { eventIdOf } from '../../../src/matrix/event-id.ts';
import { type EventJson, roomVersionOf } from '../../../src/matrix/room-version.ts';
import { createQuestions, uriOf } from '../../../src/reference-host/federation/questions.ts';
import { type FederatingHomeserver, startFederatingHomeserver } from '../../support/federating-homeserver.ts';
import { createAsk, LOCAL_KEY, startRemote } from '../../support/federation.ts';
import { jsonOf } from '../../support/http-client.ts';
import type { RemoteServer } from '../../support/remote-server.ts';
import { brokenInvariants } from '../../support/room-invariants.ts';

let [near, far]: FederatingHomeserver[] = [];
let remote: RemoteServer;
beforeAll(async () => {
  [near, far] = [await startFederatingHomeserver(), await startFederatingHomeserver()];
  remote = await startRemote([near.verifyKey, far.verifyKey]);
});
afterAll(async () => {
  await Promise.all([near?.stop(), far?.stop(), remote.stop()]);
});

function homeservers(): [FederatingHomeserver, FederatingHomeserver] {
  if (near === undefined || far === undefined) throw new Error('not started');
  return [near, far];
}

const options = { signal: new AbortController().signal };
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: unknown) => (error instanceof FederationError ? [error.status, error.errcode] : error));

/** Returns the membership of a user, as the tables of `/sync` have it. */
async function membershipOf({ database }: FederatingHomeserver, roomId: RoomId, userId: string): Promise<unknown> {
  const row = await database
    .db('syncapi_current_room_state')
    .where({ room_id: roomId, type: 'm.room.member', state_key: userId })
    .first('membership');
  return row?.membership;
}

async function bodiesIn({ database }: FederatingHomeserver, roomId: RoomId): Promise<string[]> {
  const rows = await database
    .db('syncapi_output_room_events')
    .where({ room_id: roomId, type: 'm.room.message' })
    .orderBy('id')
    .pluck('headered_event_json');
  return rows.map((json: string) => JSON.parse(json).content.body);
}

const joinPath = (roomId: RoomId, via: string): string =>
  `/_matrix/client/v3/join/${encodeURIComponent(roomId)}?via=${encodeURIComponent(via)}`;

describe('two homeservers', () => {
  it.each(['1', '6', '10', '11', '12'])('share a room of version %s', async (version) => {
    const [a, b] = homeservers();
    const roomId = await b.createRoom(version);
    await b.say(roomId, 'before');
    const joined = await a.call('alice', 'POST', joinPath(roomId, b.name), {});
    expect([joined.status, jsonOf(joined)]).toEqual([200, { room_id: roomId }]);
    for (const homeserver of [a, b]) {
      expect(await membershipOf(homeserver, roomId, a.alice)).toBe('join');
      expect(await membershipOf(homeserver, roomId, b.alice)).toBe('join');
    }

    expect((await b.say(roomId, 'from there')).status).toBe(200);
    await expect.poll(() => bodiesIn(a, roomId)).toEqual(['from there']);
    expect((await a.say(roomId, 'from here')).status).toBe(200);
    await expect.poll(() => bodiesIn(b, roomId)).toEqual(['before', 'from there', 'from here']);

    const evacuated = await a.call('root', 'POST', `/_dendrite/admin/evacuateRoom/${encodeURIComponent(roomId)}`);
    expect(jsonOf(evacuated)).toEqual({ affected: [a.alice] });
    await expect.poll(() => membershipOf(b, roomId, a.alice)).toBe('leave');
    for (const { database } of [a, b]) expect(await brokenInvariants(database.db)).toEqual([]);

    // The user joins the room again.
    expect((await a.call('alice', 'POST', joinPath(roomId, b.name), {})).status).toBe(200);
    await expect.poll(() => membershipOf(b, roomId, a.alice)).toBe('join');
    for (const { database } of [a, b]) expect(await brokenInvariants(database.db)).toEqual([]);
  });

  it('refuse users who may not join a room', async () => {
    const [a, b] = homeservers();
    const roomId = await b.createRoom('10', 'invite');
    const refused = await a.call('alice', 'POST', joinPath(roomId, b.name), {});
    expect([refused.status, jsonOf(refused).errcode]).toEqual([403, 'M_FORBIDDEN']);
    const unknown = await a.call('alice', 'POST', joinPath(`!unknown:${b.name}` as RoomId, b.name), {});
    expect([unknown.status, jsonOf(unknown).errcode]).toEqual([502, 'M_UNKNOWN']);
    expect(await a.database.db('roomserver_rooms').where('room_id', roomId)).toEqual([]);
  });

  it('send invites, and their rejection by evacuateUser', async () => {
    const [a, b] = homeservers();
    const roomId = await b.createRoom('10', 'invite');
    const draft = { type: 'm.room.member', sender: b.alice, stateKey: a.alice, content: { membership: 'invite' } };
    const { events } = await b.database.db.transaction((transaction) =>
      b.homeserver.admin.rooms.append(transaction, roomId, [draft]),
    );
    const [invite] = events;
    const { unsigned, ...event } = invite?.event ?? {};
    const shown = (unsigned as { invite_room_state: object[] }).invite_room_state;
    const content = { event, room_version: '10', invite_room_state: shown };
    const uri = uriOf('v2', 'invite', roomId, invite?.eventId ?? '');
    const answer = await b.ask({ origin: b.name, destination: a.name, method: 'PUT', uri, content }, options);
    const signatures = (answer as { event: { signatures: object } }).event.signatures;
    expect(Object.keys(signatures).sort()).toEqual([a.name, b.name].sort());
    const invited = a.database
      .db('syncapi_invite_events')
      .where({ room_id: roomId, deleted: false })
      .pluck('target_user_id');
    expect(await invited.clone()).toEqual([a.alice]);

    const path = `/_dendrite/admin/evacuateUser/${encodeURIComponent(a.alice)}`;
    const evacuated = jsonOf(await a.call('root', 'POST', path));
    expect(evacuated.affected).toContain(roomId);
    expect(evacuated).not.toHaveProperty('unreachable');
    await expect.poll(() => membershipOf(b, roomId, a.alice)).toBe('leave');
    expect(await invited.clone()).toEqual([]);
    for (const { database } of [a, b]) expect(await brokenInvariants(database.db)).toEqual([]);
  });

  it('answer servers in the room, and no others', async () => {
    const [a, b] = homeservers();
    const roomId = await b.createRoom('10');
    await b.say(roomId, 'hello');
    // Only events of this room count, because events of an earlier test may still arrive.
    const [last] = await b.database
      .db('syncapi_output_room_events')
      .where({ room_id: roomId, type: 'm.room.message' })
      .pluck('event_id');
    const uris = ['state', 'state_ids'].map(
      (name) => `${uriOf('v1', name, roomId)}?event_id=${encodeURIComponent(last)}`,
    );
    const ask = (uri: string): Promise<unknown> =>
      a.ask({ origin: a.name, destination: b.name, method: 'GET', uri }, options);
    const backfill = `${uriOf('v1', 'backfill', roomId)}?v=${encodeURIComponent(last)}&limit=2`;
    for (const uri of [...uris, backfill, uriOf('v1', 'event', last)]) {
      expect(await failure(ask(uri))).toEqual([403, 'M_FORBIDDEN']);
    }
    await a.call('alice', 'POST', joinPath(roomId, b.name), {});
    const [state, ids] = (await Promise.all(uris.map(ask))) as [{ pdus: object[] }, { pdu_ids: string[] }];
    expect([state.pdus.length, ids.pdu_ids.length]).toEqual([4, 4]);
    expect(await ask(uriOf('v1', 'event', last))).toMatchObject({ pdus: [{ content: { body: 'hello' } }] });
    const types = ['m.room.message', 'm.room.history_visibility'];
    expect(await ask(backfill)).toMatchObject({ pdus: types.map((type) => ({ type })) });
  });

  it('show the devices of their users', async () => {
    const [a, b] = homeservers();
    const keys = { user_id: b.alice, device_id: 'PHONE', algorithms: [], keys: {}, signatures: {} };
    const row = {
      user_id: b.alice,
      device_id: 'PHONE',
      ts_added_secs: 1,
      key_json: JSON.stringify(keys),
      stream_id: 7,
    };
    await b.database.db('keyserver_device_keys').insert({ ...row, display_name: 'Phone' });
    // With this device, an administrator is logged in as the user.
    const device = { access_token: 'HIDDEN', device_id: 'HIDDEN', localpart: 'alice', server_name: b.name };
    const [made] = await b.database
      .db('userapi_devices')
      .insert({ ...device, created_ts: 1, last_seen_ts: 1 })
      .returning('session_id');
    const login = { user_id: b.alice, device_id: 'HIDDEN', session_id: made.session_id, admin: 'system:test' };
    await b.database.db('matrix_admin.admin_logins').insert(login);
    await b.database.db('keyserver_device_keys').insert({ ...row, device_id: 'HIDDEN', display_name: 'Hidden' });
    const { queryDevices } = createQuestions(a.ask);
    const query = { origin: a.name, destination: b.name, userId: b.alice };
    // The homeserver caches what it knew about alice for two seconds.
    await expect
      .poll(() => queryDevices(query, options), { timeout: 5_000 })
      .toEqual({ streamId: 7, devices: [{ deviceId: 'PHONE', displayName: 'Phone', keys }] });
    const nobody = queryDevices({ origin: a.name, destination: b.name, userId: `@nobody:${b.name}` as never }, options);
    expect(await failure(nobody)).toEqual([404, 'M_NOT_FOUND']);
  });
});

/** Joins the room as a user of the remote server. This user can then send events. */
async function enter(homeserver: FederatingHomeserver, roomId: RoomId, version: string) {
  const bob = userIdOf('bob', remote.name);
  const ask = createAsk({ signingKey: remote.key });
  const request = { origin: remote.name, destination: homeserver.name };
  const rules = roomVersionOf(version);
  const make = `${uriOf('v1', 'make_join', roomId, bob)}?ver=${version}`;
  const template = (await ask({ ...request, method: 'GET', uri: make }, options)) as { event: EventJson };
  const own = { type: 'm.room.member', room_id: roomId, sender: bob, state_key: bob, content: { membership: 'join' } };
  const join = completeEvent(template.event, own, rules, remote.key, Date.now());
  const put = uriOf('v2', 'send_join', roomId, join.eventId);
  const joined = await ask({ ...request, method: 'PUT', uri: put, content: join.event }, options);
  const { state } = joined as { state: EventJson[] };
  const known = [...state, join.event].map((event) => ({ eventId: eventIdOf(event, rules), event }));
  const isAuth = ({ event: { type, state_key: key } }: { event: EventJson }): boolean =>
    (type === 'm.room.create' && !rules.privilegedCreators) || type === 'm.room.power_levels' || key === bob;
  let last: BuiltEvent = join;
  /** Builds a message that follows the last valid event. */
  const build = (changes: Partial<Parameters<typeof buildEvent>[0]> = {}, key = remote.key): BuiltEvent =>
    buildEvent(
      {
        roomId,
        sender: bob,
        type: 'm.room.message',
        content: { body: 'hello' },
        originServerTs: Date.now(),
        depth: Number(last.event['depth']) + 1,
        authEvents: known.filter(isAuth),
        prevEvents: [last],
        ...changes,
      },
      rules,
      key,
    );
  let transactions = 0;
  /** Sends events. @returns the error of each event */
  const send = async (...pdus: readonly EventJson[]): Promise<unknown> => {
    transactions += 1;
    const uri = uriOf('v1', 'send', `${roomId} ${transactions}`);
    const content = {
      origin: remote.name,
      origin_server_ts: Date.now(),
      pdus,
      edus: [{ edu_type: 'm.typing', content: {} }],
    };
    return ((await ask({ ...request, method: 'PUT', uri, content }, options)) as { pdus: unknown }).pdus;
  };
  const goOn = (built: BuiltEvent): void => {
    last = built;
  };
  return { bob, build, send, goOn };
}

const redacted: string[] = [];
const otherKey = { ...LOCAL_KEY, serverName: 'stranger.example' as ServerName };

describe('a homeserver', () => {
  it.each(['1', '10', '12'])('accepts only valid events in a room of version %s, each once', async (version) => {
    const [a] = homeservers();
    const roomId = await a.createRoom(version);
    const { bob, build, send, goOn } = await enter(a, roomId, version);
    const good = build();
    expect(await send(good.event)).toEqual({ [good.eventId]: {} });
    expect(await send(good.event)).toEqual({ [good.eventId]: {} });
    goOn(good);
    const stranger = userIdOf('eve', otherKey.serverName);
    const bad: [BuiltEvent, RegExp][] = [
      [build({}, { ...remote.key, privateKey: LOCAL_KEY.privateKey }), /no valid signature/],
      [build({ sender: stranger }, otherKey), /no valid signature/],
      [build({ sender: a.alice }), /no valid signature/],
      [build({ prevEvents: [build()] }), /the previous events are unknown/],
      [build({ prevEvents: [] }), /the previous events are unknown/],
      [build({ authEvents: [] }), /the room has no create event|the sender is not in the room/],
      [
        build({ type: 'm.room.power_levels', stateKey: '', content: { users: { [bob]: 100 } } }),
        /the power level is too low/,
      ],
      [build({ type: 'm.room.member', stateKey: a.alice, content: { membership: 'leave' } }), /power level/],
    ];
    for (const [{ eventId, event }, error] of bad) {
      expect(await send(event)).toEqual({ [eventId]: { error: expect.stringMatching(error) } });
    }
    // A refused event does not affect the others. An event with a wrong hash is redacted.
    const changed = build({ content: { body: 'secret' } });
    const next = build({ prevEvents: [changed], depth: Number(changed.event['depth']) + 1 });
    expect(await send(bad[0]?.[0].event ?? {}, { ...changed.event, content: { body: 'changed' } }, next.event)).toEqual(
      {
        [bad[0]?.[0].eventId ?? '']: { error: expect.any(String) },
        [changed.eventId]: {},
        [next.eventId]: {},
      },
    );
    expect(await bodiesIn(a, roomId)).toEqual(['hello', undefined, 'hello']);
    // A redacted event keeps the hash of its original content, so the check reports it.
    redacted.push(`a wrong content hash: ${changed.eventId}`);
    expect((await brokenInvariants(a.database.db)).sort()).toEqual(redacted.sort());
  });

  it('gives no result for malformed events and events of unknown rooms', async () => {
    const [a] = homeservers();
    const { build, send } = await enter(a, await a.createRoom('10'), '10');
    expect(await send(build({ roomId: '!unknown:a.example' as RoomId }).event, {}, { room_id: 1 })).toEqual({});
    const tooMany = Array.from({ length: 51 }, () => build().event);
    expect(await failure(send(...tooMany))).toEqual([400, 'M_BAD_JSON']);
  });

  it('refuses a room version that the other server does not support', async () => {
    const [a] = homeservers();
    expect(await failure(enter(a, await a.createRoom('11'), '10'))).toEqual([400, 'M_INCOMPATIBLE_ROOM_VERSION']);
  });

  it('wakes waiting clients even if the request fails after it has written the event', async () => {
    const [a] = homeservers();
    const roomId = await a.createRoom('10');
    const topic = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.topic/`;
    const { event_id: eventId } = jsonOf(await a.call('alice', 'PUT', topic, { topic: 'numbats' }));
    await a.say(roomId, 'after the topic');
    const sync = async (query: string): Promise<Record<string, unknown>> =>
      jsonOf(await a.call('alice', 'GET', `/_matrix/client/v3/sync?${query}`));
    const since = String((await sync('timeout=0')).next_batch);
    // The homeserver writes the join, but cannot read the state of the room for its answer.
    const { db } = a.database;
    const nid = db('roomserver_events').where({ event_id: eventId }).select('event_nid');
    const stored = (): Knex.QueryBuilder => db('roomserver_event_json').where('event_nid', 'in', nid.clone());
    const { event_json: json } = await stored().first();
    await stored().update({ event_json: '{' });
    const waiting = sync(`since=${since}&timeout=10000`);
    expect(await failure(enter(a, roomId, '10'))).toEqual([500, 'M_UNKNOWN']);
    await stored().update({ event_json: json });
    expect(JSON.stringify(await waiting)).toContain(`@bob:${remote.name}`);
  });

  it('removes a server from the blacklist at a sign of life, and sends its queue', async () => {
    const [a] = homeservers();
    const { db } = a.database;
    const roomId = await a.createRoom('10');
    const { send } = await enter(a, roomId, '10');
    remote.fault = (method, path) => (path.includes('/send/') && method === 'PUT' ? { kind: 'reset' } : undefined);
    await a.say(roomId, 'waits');
    await expect.poll(() => remote.requests.filter(({ path }) => path.includes('/send/')).length).toBe(1);
    await db('federationsender_blacklist').insert({ server_name: remote.name });
    remote.fault = undefined;
    await send();
    await expect.poll(() => remote.pdus.map(({ content }) => (content as { body?: string }).body)).toContain('waits');
    expect(await db('federationsender_blacklist')).toEqual([]);
  });

  it('refuses requests that are not signed, signed by another key, or meant for another server', async () => {
    const [a] = homeservers();
    const { key, name } = remote;
    const uri = uriOf('v1', 'user', 'devices', a.alice);
    const question = { origin: name, destination: a.name, method: 'GET', uri } as const;
    const signed = createAsk({ signingKey: key });
    expect(await signed(question, options)).toMatchObject({ user_id: a.alice });
    expect(await failure(signed({ ...question, signed: false }, options))).toEqual([401, 'M_FORBIDDEN']);
    const stolen = createAsk({ signingKey: { ...key, privateKey: LOCAL_KEY.privateKey } });
    expect(await failure(stolen(question, options))).toEqual([401, 'M_FORBIDDEN']);
    const elsewhere = `127.0.0.1:${a.name.split(':')[1]}` as ServerName;
    expect(await failure(signed({ ...question, destination: elsewhere }, options))).toEqual([401, 'M_FORBIDDEN']);
  });

  it('answers unknown paths as specified', async () => {
    const [a] = homeservers();
    const question = { origin: remote.name, destination: a.name, method: 'GET' } as const;
    const signed = createAsk({ signingKey: remote.key });
    expect(await signed({ ...question, uri: uriOf('v1', 'version'), signed: false }, options)).toMatchObject({
      server: {},
    });
    expect(await failure(signed({ ...question, uri: uriOf('v1', 'nothing') }, options))).toEqual([
      404,
      'M_UNRECOGNIZED',
    ]);
    expect(await failure(signed({ ...question, uri: uriOf('v1', 'send', 'x') }, options))).toEqual([
      405,
      'M_UNRECOGNIZED',
    ]);
  });
});
