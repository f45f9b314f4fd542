import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FederationError } from '../../../src/errors.ts';
import { isEventId, isServerName, type RoomId, type ServerName, type UserId } from '../../../src/ids.ts';
import { completeEvent } from '../../../src/matrix/complete-event.ts';
import { roomVersionOf } from '../../../src/matrix/room-version.ts';
import { isPublicAddress } from '../../../src/reference-host/federation/guarded-lookup.ts';
import { createQuestions } from '../../../src/reference-host/federation/questions.ts';
import { addressOf, isExplicit } from '../../../src/reference-host/federation/server-address.ts';
import { createServerKeys } from '../../../src/reference-host/federation/server-keys.ts';
import { authorizationOf, parseAuthorization } from '../../../src/reference-host/federation/x-matrix.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { ALICE, createAsk, createSharedRoom, LOCAL, LOCAL_KEY, startRemote } from '../../support/federation.ts';
import type { RemoteServer } from '../../support/remote-server.ts';

let database: TestDatabase;
let remote: RemoteServer;
beforeAll(async () => {
  database = await createTestDatabase();
  remote = await startRemote();
});
afterAll(async () => {
  await remote.stop();
  await database.drop();
});
beforeEach(() => {
  remote.fault = undefined;
  remote.requests.length = 0;
});

const options = { signal: new AbortController().signal };
const named = (text: string): ServerName => {
  if (!isServerName(text)) throw new Error(text);
  return text;
};
const VERSION = { origin: LOCAL, method: 'GET', uri: '/_matrix/key/v2/server' } as const;
/** Returns the error of a request, or its answer if there is no error. */
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.catch((error: unknown) => {
    if (!(error instanceof FederationError)) return error;
    const { name, reason, status, errcode, message } = error;
    return { name, reason, status, errcode, message };
  });

describe('X-Matrix', () => {
  it('is parsed as it is written', () => {
    const [origin, destination] = [LOCAL, named('[::1]:8448')];
    const header = authorizationOf({ method: 'GET', uri: '/', origin, destination }, LOCAL_KEY);
    expect(parseAuthorization(header)).toEqual({
      origin,
      destination,
      keyId: LOCAL_KEY.keyId,
      signature: expect.stringMatching(/^[A-Za-z0-9+/]{86}$/),
    });
  });

  it.each([
    ['X-Matrix origin=a.example,key="ed25519:1",sig="x"', undefined],
    ['x-matrix  ORIGIN="a.example" , destination=b.example ,key=ed25519:1,sig=x,new="thing"', 'b.example'],
    ['X-Matrix origin="a.\\example",destination="b,\\"example",key="ed25519:1",sig="x"', 'b,"example'],
  ])('is parsed from %s', (header, destination) => {
    expect(parseAuthorization(header)).toEqual({
      origin: 'a.example',
      destination,
      keyId: 'ed25519:1',
      signature: 'x',
    });
  });

  it('refuses anything else', () => {
    const parts = fc.constantFrom('X-Matrix ', 'origin', '=', '"', 'a.example', ',', 'key', 'sig', '\\', ' ', 'x');
    const headers = fc.oneof(
      fc.string(),
      fc.array(parts).map((words) => words.join('')),
    );
    fc.assert(
      fc.property(headers, (header) => {
        const parsed = parseAuthorization(header);
        expect(parsed === undefined || (isServerName(parsed.origin) && parsed.keyId !== '')).toBe(true);
      }),
    );
    for (const header of [
      '',
      'Bearer x',
      'X-Matrix',
      'X-Matrix origin="a.example",key="k"',
      'X-Matrix origin="a b",key=k,sig=s',
    ]) {
      expect(parseAuthorization(header)).toBeUndefined();
    }
  });
});

describe('server discovery', () => {
  it.each([
    ['matrix.example', false, 'matrix.example', 8448, 'matrix.example'],
    ['matrix.example:443', true, 'matrix.example', 443, 'matrix.example'],
    ['1.2.3.4', true, '1.2.3.4', 8448, ''],
    ['1.2.3.4:1', true, '1.2.3.4', 1, ''],
    ['[2001:db8::1]', true, '2001:db8::1', 8448, ''],
    ['[2001:db8::1]:1', true, '2001:db8::1', 1, ''],
  ])('resolves %s', (name, explicit, host, port, servername) => {
    expect(isExplicit(named(name))).toBe(explicit);
    expect(addressOf(named(name))).toEqual({ host, port, servername, hostHeader: name });
  });

  it('follows .well-known through redirects, and caches it', async () => {
    const [, port] = remote.name.split(':');
    let wellKnown = 0;
    remote.fault = (_method, path) => {
      if (!path.startsWith('/.well-known/')) return undefined;
      wellKnown += 1;
      return path.endsWith('?again')
        ? { kind: 'answer', status: 200, body: JSON.stringify({ 'm.server': remote.name }) }
        : { kind: 'answer', status: 307, body: '', headers: { location: '/.well-known/matrix/server?again' } };
    };
    const ask = createAsk({ wellKnownPort: Number(port) });
    for (let n = 0; n < 2; n += 1) {
      const answer = await ask({ ...VERSION, destination: named('localhost'), signed: false }, options);
      expect(answer).toMatchObject({ server_name: remote.name });
    }
    expect(wellKnown).toBe(2);
  });

  it.each([
    ['no JSON', 200, 'hello', {}],
    ['another status', 404, '{"m.server":"127.0.0.1:1"}', {}],
    ['no server name', 200, '{"m.server":"https://127.0.0.1:1/"}', {}],
    ['too much', 200, JSON.stringify({ 'm.server': '127.0.0.1:1', x: 'x'.repeat(60_000) }), {}],
    ['a redirection without end', 302, '', { location: '/.well-known/matrix/server' }],
    ['a redirection to plain HTTP', 302, '', { location: 'http://localhost/' }],
  ])('ignores a .well-known that is %s', async (_, status, body, headers) => {
    const [, port] = remote.name.split(':');
    remote.fault = () => ({ kind: 'answer', status, body, headers });
    const ask = createAsk({ wellKnownPort: Number(port) });
    const asked = ask({ ...VERSION, destination: named('localhost') }, options);
    // The request goes to port 8448 of this machine, where nothing listens.
    expect(await failure(asked)).toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect(remote.requests.length).toBeLessThanOrEqual(6);
  });
});

describe('addresses', () => {
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
  ])('that are not public are recognised: %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(['1.1.1.1', '172.32.0.1', '2606:4700::1111'])('that are public are recognised: %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each(['localhost', '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]'])(
    'of this machine are refused unless allowed: %s',
    async (host) => {
      const destination = named(`${host}:${remote.name.split(':')[1]}`);
      const asked = createAsk({ allowPrivate: false })({ ...VERSION, destination }, options);
      expect(await failure(asked)).toMatchObject({
        reason: 'unreachable',
        message: expect.stringContaining('no public address'),
      });
      expect(remote.requests).toEqual([]);
    },
  );
});

describe('requests', () => {
  it('are not sent to a server with an untrusted certificate', async () => {
    const asked = createAsk({ verifyTls: true })({ ...VERSION, destination: remote.name }, options);
    expect(await failure(asked)).toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('self-signed'),
    });
    expect(remote.requests).toEqual([]);
  });

  it("end with the signal's reason after an abort", async () => {
    remote.fault = () => ({ kind: 'silent' });
    const abort = new AbortController();
    const asked = createAsk()({ ...VERSION, destination: remote.name }, { signal: abort.signal });
    await expect.poll(() => remote.requests.length).toBe(1);
    abort.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
  });

  it('end at the time limit and at the size limit', async () => {
    remote.fault = () => ({ kind: 'silent' });
    const silent = createAsk()({ ...VERSION, destination: remote.name }, { ...options, limitMs: 50 });
    expect(await failure(silent)).toMatchObject({
      reason: 'unreachable',
      message: `${remote.name} gave no answer within 50 ms`,
    });
    remote.fault = () => ({ kind: 'huge' });
    const huge = createAsk()({ ...VERSION, destination: remote.name }, options);
    expect(await failure(huge)).toMatchObject({
      reason: 'bad_answer',
      message: expect.stringContaining('over 1048576 bytes'),
    });
  });
});

describe("the plugin's federation requests", () => {
  const questions = createQuestions(createAsk());
  const remoteRoom = async (version: string): Promise<RoomId> =>
    (await createSharedRoom(database.db, [remote], version)).roomId;

  it.each(['1', '2', '3', '10', '12'])(
    'leave a room of version %s with an event that its server accepts',
    async (version) => {
      const roomId = await remoteRoom(version);
      const request = { origin: LOCAL, destination: remote.name, roomId };
      const template = await questions.makeLeave({ ...request, userId: ALICE }, options);
      expect(template.roomVersion).toBe(version);
      const own = {
        type: 'm.room.member',
        room_id: roomId,
        sender: ALICE,
        state_key: ALICE,
        content: { membership: 'leave' },
      };
      const { eventId, event } = completeEvent(template.event, own, roomVersionOf(version), LOCAL_KEY, Date.now());
      await questions.sendLeave({ ...request, eventId, event }, options);
      expect(remote.left.at(-1)).toEqual({ roomId, event });
      // The user has already left the room.
      expect(await failure(questions.sendLeave({ ...request, eventId, event }, options))).toMatchObject({
        reason: 'refused',
      });
    },
  );

  it('fall back to version 1 of send_leave', async () => {
    const roomId = await remoteRoom('10');
    remote.fault = (_, path) =>
      path.startsWith('/_matrix/federation/v2/')
        ? { kind: 'answer', status: 404, body: '404 page not found' }
        : { kind: 'answer', status: 200, body: '[200,{}]' };
    const eventId = '$x';
    if (!isEventId(eventId)) throw new Error();
    await questions.sendLeave({ origin: LOCAL, destination: remote.name, roomId, eventId, event: {} }, options);
    expect(remote.requests.map(({ path }) => path.split('/')[3])).toEqual(['v2', 'v1']);
  });

  it('report the error of a refusal', async () => {
    const roomId = await remoteRoom('10');
    const request = { origin: LOCAL, destination: remote.name, roomId, userId: `@nobody:${LOCAL}` as UserId };
    expect(await failure(questions.makeLeave(request, options))).toMatchObject({
      name: 'FederationError',
      reason: 'refused',
      status: 403,
      errcode: 'M_FORBIDDEN',
      message: `${remote.name} refused with 403 M_FORBIDDEN`,
    });
  });

  it.each(['{}', '[]', 'null', '{"event":[],"room_version":"1"}', '{"event":{},"room_version":1}'])(
    'refuse %s as a template',
    async (body) => {
      remote.fault = () => ({ kind: 'answer', status: 200, body });
      const request = { origin: LOCAL, destination: remote.name, roomId: '!a:b' as RoomId, userId: ALICE };
      expect(await failure(questions.makeLeave(request, options))).toMatchObject({ reason: 'bad_answer' });
    },
  );

  it('read devices', async () => {
    const userId = `@bob:${remote.name}` as UserId;
    const keys = { user_id: userId, device_id: 'A', algorithms: [], keys: {}, signatures: {} };
    const answer = { user_id: userId, stream_id: 5, devices: [{ device_id: 'A', keys, device_display_name: 'phone' }] };
    remote.devices.set(userId, { ...answer, master_key: { usage: ['master'] } });
    const request = { origin: LOCAL, destination: remote.name, userId };
    expect(await questions.queryDevices(request, options)).toEqual({
      streamId: 5,
      devices: [{ deviceId: 'A', displayName: 'phone', keys }],
      masterKey: { usage: ['master'] },
    });
    remote.devices.set(userId, { ...answer, user_id: ALICE });
    expect(await failure(questions.queryDevices(request, options))).toMatchObject({ reason: 'bad_answer' });
  });

  it('read the state of a room', async () => {
    const roomId = await remoteRoom('10');
    const events = [...(remote.rooms.get(roomId)?.events ?? [])];
    const [eventId = ''] = events.at(-1) ?? [];
    if (!isEventId(eventId)) throw new Error(eventId);
    const request = { origin: LOCAL, destination: remote.name, roomId, eventId };
    const { state } = await questions.lookupState(request, options);
    expect(state).toEqual(events.map(([, event]) => event));
    expect(remote.requests.at(-1)?.path).toContain(`?event_id=${encodeURIComponent(eventId)}`);
  });
});

describe('keys of other servers', () => {
  it('are requested once while they are valid', async () => {
    const verifyKeys = createServerKeys(database.db, createAsk());
    const request = { origin: LOCAL, destination: remote.name, keyIds: ['ed25519:remote', 'ed25519:other'] };
    const known = { ...request, keyIds: ['ed25519:remote'], minimumValidUntilTs: Date.now() };
    for (let n = 0; n < 2; n += 1) {
      const [key, ...others] = await verifyKeys(known, options);
      expect(others).toEqual([]);
      expect(key?.publicKey.equals(remote.verifyKey.publicKey)).toBe(true);
      expect(key?.validUntilTs).toBeGreaterThan(Date.now());
    }
    expect(remote.requests).toHaveLength(1);
    // Request an unknown key, and a key that expires too early.
    await verifyKeys(request, options);
    await verifyKeys({ ...known, minimumValidUntilTs: Date.now() + 30 * 24 * 3_600_000 }, options);
    expect(remote.requests).toHaveLength(3);
    const rows = await database.db('public.keydb_server_keys').where('server_name', remote.name);
    expect(rows).toMatchObject([
      { server_key_id: 'ed25519:remote', server_name_and_key_id: `${remote.name}\x1fed25519:remote`, expired_ts: '0' },
    ]);
  });

  it('are found in the database, even if their server no longer publishes them and another key is missing', async () => {
    const former = { server_name: remote.name, server_key_id: 'ed25519:former', server_key: 'A'.repeat(43) };
    await database.db('public.keydb_server_keys').insert({
      ...former,
      server_name_and_key_id: `${remote.name}\x1fed25519:former`,
      valid_until_ts: Date.now() + 3_600_000,
      expired_ts: 0,
    });
    const verifyKeys = createServerKeys(database.db, createAsk());
    const keyIds = ['ed25519:former', 'ed25519:remote', 'ed25519:missing'];
    const keys = await verifyKeys({ origin: LOCAL, destination: remote.name, keyIds }, options);
    expect(keys.map(({ keyId }) => keyId)).toEqual(['ed25519:former', 'ed25519:remote']);
  });

  it.each([
    ['of another server', (keys: object) => ({ ...keys, server_name: 'a.example' })],
    ['changed on the way', (keys: object) => ({ ...keys, valid_until_ts: 1 })],
    ['not keys at all', () => ({})],
  ])('are refused if they are %s', async (_, change) => {
    const stranger = await startRemote();
    const ask = createAsk();
    const verifyKeys = createServerKeys(database.db, async (question, settings) =>
      change((await ask(question, settings)) as object),
    );
    const request = { origin: LOCAL, destination: stranger.name, keyIds: ['ed25519:remote'] };
    expect(await failure(verifyKeys(request, options))).toMatchObject({ reason: 'bad_answer' });
    expect(await database.db('public.keydb_server_keys').where('server_name', stranger.name)).toEqual([]);
    await stranger.stop();
  });
});
