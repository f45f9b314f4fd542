import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { SigningKey } from '../../src/host.ts';
import { isEventId, isRoomId, isServerName, isUserId } from '../../src/ids.ts';
import { buildCreateEvent, buildEvent, type EventDraft } from '../../src/matrix/build-event.ts';
import { clientEventOf } from '../../src/matrix/client-event.ts';
import { completeEvent } from '../../src/matrix/complete-event.ts';
import { contentHash } from '../../src/matrix/event-hash.ts';
import { eventIdOf } from '../../src/matrix/event-id.ts';
import { roomVersionOf } from '../../src/matrix/room-version.ts';
import {
  findsValidEventSignature,
  hasValidEventSignature,
  privateKeyOf,
  publicKeyOf,
  signEvent,
} from '../../src/matrix/sign-event.ts';
import { findsValidSignature, hasValidSignature, isSignedBy, signJson } from '../../src/matrix/sign-json.ts';

function checked<Id extends string>(isId: (value: string) => value is Id, value: string): Id {
  if (!isId(value)) throw new Error(`${value} is not an id`);
  return value;
}
const serverName = checked(isServerName, 'one.test');
const sender = checked(isUserId, '@a:one.test');
const roomId = checked(isRoomId, '!r:one.test');
const key: SigningKey = { serverName, keyId: 'ed25519:1', privateKey: privateKeyOf(Buffer.alloc(32, 7)) };
const verifyKey = { serverName, keyId: key.keyId, publicKey: createPublicKey(key.privateKey) };
const v1 = roomVersionOf('1');
const v10 = roomVersionOf('10');
const v11 = roomVersionOf('11');
const v12 = roomVersionOf('12');
const draft = (changes: Partial<EventDraft> = {}): EventDraft => ({
  roomId,
  sender,
  type: 'm.x',
  content: {},
  originServerTs: 5,
  depth: 7,
  authEvents: [],
  prevEvents: [],
  ...changes,
});
const tooLarge = (text: string): object =>
  expect.objectContaining({ errcode: 'M_TOO_LARGE', message: expect.stringContaining(text) });

describe('a built event', () => {
  it('has the fields of its draft and no others', () => {
    const base = {
      room_id: roomId,
      sender,
      type: 'm.x',
      content: {},
      origin: serverName,
      origin_server_ts: 5,
      depth: 7,
      auth_events: [],
      prev_events: [],
      hashes: { sha256: expect.any(String) },
      signatures: { [serverName]: { [key.keyId]: expect.any(String) } },
    };
    expect(buildEvent(draft(), v10, key).event).toEqual(base);
    const redacts = checked(isEventId, '$x');
    expect(buildEvent(draft({ stateKey: '', redacts }), v10, key).event).toEqual({
      ...base,
      state_key: '',
      prev_state: [],
      redacts,
    });
    const random = buildEvent(draft(), v1, key);
    expect(random.event).toEqual({ ...base, event_id: random.eventId });
    expect(random.eventId).not.toBe(buildEvent(draft(), v1, key).eventId);
  });

  it.each(['type', 'stateKey'] as const)('has a %s of 255 bytes at most', (field) => {
    const name = field === 'type' ? 'type' : 'state_key';
    expect(buildEvent(draft({ [field]: `${'é'.repeat(127)}x` }), v10, key).event[name]).toHaveLength(128);
    expect(() => buildEvent(draft({ [field]: 'é'.repeat(128) }), v10, key)).toThrow(tooLarge(`${name} is longer`));
  });

  it('has at most 65,536 bytes, including signatures', () => {
    const sized = (length: number): number =>
      Buffer.byteLength(JSON.stringify(buildEvent(draft({ content: { body: 'x'.repeat(length) } }), v10, key).event));
    const room = 65_536 - sized(0);
    expect(sized(room)).toBe(65_536);
    expect(() => sized(room + 1)).toThrow(tooLarge('event is too large'));
  });

  it('creates a room', () => {
    const made = { sender, content: { 'm.federate': false }, originServerTs: 5 };
    const common = { type: 'm.room.create', state_key: '', depth: 1, auth_events: [], prev_events: [] };
    const old = buildCreateEvent(made, v10, key);
    expect(old.event).toMatchObject({ ...common, room_id: old.roomId, content: { creator: sender } });
    expect(old.roomId).toMatch(/^![\w-]{16}:one\.test$/);
    expect(old.event.content).toEqual({ creator: sender, 'm.federate': false });
    expect(buildCreateEvent(made, v11, key).event.content).toEqual({ 'm.federate': false });
    const implied = buildCreateEvent(made, v12, key);
    expect(implied.event).toMatchObject(common);
    expect(implied.event).not.toHaveProperty('room_id');
    expect(implied.roomId).toBe(`!${implied.eventId.slice(1)}`);
  });
});

it('an event has an id of its own in versions with random ids', () => {
  expect(eventIdOf({ event_id: '$x:one.test' }, v1)).toBe('$x:one.test');
  for (const wrong of [{}, { event_id: 1 }, { event_id: 'x' }]) {
    expect(() => eventIdOf(wrong, v1)).toThrow(
      expect.objectContaining({ errcode: 'M_BAD_JSON', message: 'the event has no event_id' }),
    );
  }
});

describe("an event from another server's template", () => {
  const template = { auth_events: ['$a'], prev_events: ['$p'], depth: 3, content: { membership: 'join' }, extra: 1 };
  const own = { type: 'm.room.member', sender, state_key: sender, room_id: roomId, content: { membership: 'leave' } };

  it('takes only its place in the room from the template', () => {
    const { event, eventId } = completeEvent(template, own, v10, key, 9);
    expect(event).toEqual({
      ...own,
      auth_events: ['$a'],
      prev_events: ['$p'],
      depth: 3,
      origin: serverName,
      origin_server_ts: 9,
      hashes: { sha256: contentHash(event) },
      signatures: { [serverName]: { [key.keyId]: expect.any(String) } },
    });
    expect(eventIdOf(event, v10)).toBe(eventId);
    expect(hasValidEventSignature(event, v10, verifyKey)).toBe(true);
    expect(completeEvent(template, own, v1, key, 9).event.event_id).toMatch(/^\$[\w-]{16}:one\.test$/);
  });

  it.each([{ auth_events: 1 }, { prev_events: undefined }, { depth: 1.5 }, { depth: '3' }])(
    'is refused with %j',
    (wrong) => {
      expect(() => completeEvent({ ...template, ...wrong }, own, v10, key, 9)).toThrow(
        expect.objectContaining({
          errcode: 'M_BAD_JSON',
          message: 'the template does not place the event in the room',
        }),
      );
    },
  );
});

describe('an event for clients', () => {
  const where = { eventId: '$e', roomId: '!r', now: 50 };

  it('has its age, and the fields that clients expect outside of unsigned', () => {
    const unsigned = { prev_content: { a: 1 }, replaces_state: '$b', other: 1 };
    const event = {
      type: 'm.x',
      sender,
      content: { a: 2 },
      state_key: '',
      origin_server_ts: 20,
      redacts: '$r',
      unsigned,
    };
    expect(clientEventOf({ ...event, hashes: {}, depth: 1 }, where)).toStrictEqual({
      type: 'm.x',
      sender,
      user_id: sender,
      event_id: '$e',
      room_id: '!r',
      origin_server_ts: 20,
      content: { a: 2 },
      state_key: '',
      redacts: '$r',
      age: 30,
      prev_content: { a: 1 },
      replaces_state: '$b',
      unsigned: { ...unsigned, age: 30 },
    });
  });

  it('has this format for any stored event', () => {
    expect(
      clientEventOf({ type: 'm.x', sender, content: 'x', state_key: 1, origin_server_ts: 'x' }, where),
    ).toStrictEqual({
      type: 'm.x',
      sender,
      user_id: sender,
      event_id: '$e',
      room_id: '!r',
      origin_server_ts: 0,
      content: {},
      age: 50,
      unsigned: { age: 50 },
    });
  });
});

describe('signatures', () => {
  const other = { ...key, keyId: 'ed25519:2', privateKey: privateKeyOf(Buffer.alloc(32, 8)) };
  const signed = signJson({ a: 1, unsigned: { b: 2 } }, key);

  it('are valid for the signed content, verified in this thread and in another', async () => {
    const both = signJson(signed, other);
    for (const good of [signed, both, { ...signed, unsigned: 3 }]) {
      expect(hasValidSignature(good, verifyKey)).toBe(true);
      expect(await findsValidSignature(good, verifyKey)).toBe(true);
      expect(isSignedBy(good, verifyKey.publicKey)).toBe(true);
    }
    expect(Object.keys(both.signatures[serverName] as object)).toEqual([key.keyId, other.keyId]);
    const elsewhere = signJson(signed, { ...other, serverName: checked(isServerName, 'two.test') });
    expect(Object.keys(elsewhere.signatures)).toEqual([serverName, 'two.test']);
  });

  it('are invalid for any other content', async () => {
    const publicKey = createPublicKey(other.privateKey);
    expect(isSignedBy(signed, publicKey)).toBe(false);
    expect(hasValidSignature(signed, { ...verifyKey, publicKey })).toBe(false);
    expect(hasValidSignature(signed, { ...verifyKey, keyId: 'ed25519:2' })).toBe(false);
    const wrong = [
      { ...signed, a: 2 },
      { ...signed, a: 1.5 },
      { ...signed, signatures: 'x' },
      { ...signed, signatures: { [serverName]: 'x' } },
      { ...signed, signatures: { [serverName]: { [key.keyId]: 1 } } },
      { ...signed, signatures: { [serverName]: { [key.keyId]: 'x' } } },
    ];
    for (const object of wrong) {
      expect(hasValidSignature(object, verifyKey)).toBe(false);
      expect(await findsValidSignature(object, verifyKey)).toBe(false);
      expect(isSignedBy(object, verifyKey.publicKey)).toBe(false);
    }
  });

  it('of events cover the redacted form', async () => {
    const { event } = buildEvent(draft({ content: { body: 'x' } }), v10, key);
    for (const [changed, good] of [
      [event, true],
      [{ ...event, content: {} }, true],
      [{ ...event, depth: 8 }, false],
    ] as const) {
      expect(hasValidEventSignature(changed, v10, verifyKey)).toBe(good);
      expect(await findsValidEventSignature(changed, v10, verifyKey)).toBe(good);
    }
    const twice = signEvent(event, v10, other);
    expect(Object.keys((twice.signatures as Record<string, object>)[serverName] ?? {})).toEqual([
      key.keyId,
      'ed25519:2',
    ]);
  });

  it('need keys of 32 bytes', () => {
    expect(() => privateKeyOf(Buffer.alloc(31))).toThrow(new RangeError('an ed25519 seed has 32 bytes'));
    const { x } = verifyKey.publicKey.export({ format: 'jwk' });
    expect(publicKeyOf(x ?? '')?.equals(verifyKey.publicKey)).toBe(true);
    expect(publicKeyOf('AAAA')).toBeUndefined();
  });
});
