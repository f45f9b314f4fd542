import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SigningKey } from '../../src/host.ts';
import { isRoomId, isServerName, isUserId, type RoomId, type ServerName, type UserId } from '../../src/ids.ts';
import { buildEvent, type EventDraft, type ReferredEvent } from '../../src/matrix/build-event.ts';
import { contentHash, referenceHash } from '../../src/matrix/event-hash.ts';
import { eventIdOf } from '../../src/matrix/event-id.ts';
import { redact } from '../../src/matrix/redact.ts';
import { roomVersionOf } from '../../src/matrix/room-version.ts';
import { hasValidEventSignature, privateKeyOf, signEvent } from '../../src/matrix/sign-event.ts';

function checked<Id extends string>(isId: (value: string) => value is Id, value: string): Id {
  if (!isId(value)) throw new Error(`${value} is not an id`);
  return value;
}

const serverName: ServerName = checked(isServerName, 'example.org');
const roomId: RoomId = checked(isRoomId, '!room:example.org');
const sender: UserId = checked(isUserId, '@alice:example.org');
const key: SigningKey = { serverName, keyId: 'ed25519:1', privateKey: privateKeyOf(Buffer.alloc(32, 7)) };
const publicKey = createPublicKey(key.privateKey);
const VERSIONS = Array.from({ length: 12 }, (_, index) => String(index + 1));

const content = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.maxSafeInteger(), fc.boolean()));
const draft: fc.Arbitrary<EventDraft> = fc.record({
  roomId: fc.constant(roomId),
  sender: fc.constant(sender),
  type: fc.constantFrom('m.room.message', 'm.room.member', 'm.room.create', 'm.room.power_levels', 'org.example'),
  content,
  originServerTs: fc.nat(),
  depth: fc.nat(),
  authEvents: fc.constant<ReferredEvent[]>([]),
  prevEvents: fc.constant<ReferredEvent[]>([]),
});
const version = fc.constantFrom(...VERSIONS).map(roomVersionOf);

describe('events built by this code', () => {
  test('have the content hash, the id and the signature that a receiver computes', () => {
    fc.assert(
      fc.property(draft, version, (drafted, rules) => {
        const { event, eventId } = buildEvent(drafted, rules, key);
        expect(event.hashes).toEqual({ sha256: contentHash(event) });
        expect(eventIdOf(event, rules)).toBe(eventId);
        expect(hasValidEventSignature(event, rules, { ...key, publicKey })).toBe(true);
      }),
    );
  });

  test('keep id and signature when they are redacted or get unsigned data', () => {
    fc.assert(
      fc.property(draft, version, content, (drafted, rules, unsigned) => {
        const { event } = buildEvent(drafted, rules, key);
        for (const changed of [redact(event, rules), { ...event, unsigned }]) {
          expect(referenceHash(changed, rules)).toEqual(referenceHash(event, rules));
          expect(hasValidEventSignature(changed, rules, { ...key, publicKey })).toBe(true);
        }
        expect(redact(redact(event, rules), rules)).toEqual(redact(event, rules));
      }),
    );
  });

  test('have an invalid signature after a change of their sender', () => {
    fc.assert(
      fc.property(draft, version, (drafted, rules) => {
        const { event } = buildEvent(drafted, rules, key);
        expect(hasValidEventSignature({ ...event, sender: '@mallory:example.org' }, rules, { ...key, publicKey })).toBe(
          false,
        );
      }),
    );
  });

  test('keep signatures of other servers', () => {
    const rules = roomVersionOf('10');
    const other = { ...key, serverName: checked(isServerName, 'other.example') };
    const { event } = buildEvent(fc.sample(draft, 1)[0] ?? fail(), rules, key);
    const both = signEvent(event, rules, other);
    expect(hasValidEventSignature(both, rules, { ...key, publicKey })).toBe(true);
    expect(hasValidEventSignature(both, rules, { ...other, publicKey })).toBe(true);
  });

  test.each([
    ['1', /^\$[\w-]{16}:example\.org$/],
    ['3', /^\$[A-Za-z0-9+/]{43}$/],
    ['4', /^\$[\w-]{43}$/],
    ['12', /^\$[\w-]{43}$/],
  ])('have the id of room version %s', (id, pattern) => {
    const { eventId } = buildEvent(fc.sample(draft, 1)[0] ?? fail(), roomVersionOf(id), key);
    expect(eventId).toMatch(pattern);
  });

  test('refer to other events with hashes only in room version 1', () => {
    const rules = roomVersionOf('1');
    const referred = buildEvent(fc.sample(draft, 1)[0] ?? fail(), rules, key);
    const built = (id: string): unknown =>
      buildEvent({ ...(fc.sample(draft, 1)[0] ?? fail()), prevEvents: [referred] }, roomVersionOf(id), key).event
        .prev_events;
    const sha256 = referenceHash(referred.event, rules).toString('base64').replace('=', '');
    expect(built('1')).toEqual([[referred.eventId, { sha256 }]]);
    expect(built('3')).toEqual([referred.eventId]);
  });

  test('are refused if they are too large', () => {
    const large = { ...(fc.sample(draft, 1)[0] ?? fail()), content: { body: 'x'.repeat(65_536) } };
    expect(() => buildEvent(large, roomVersionOf('10'), key)).toThrow(
      expect.objectContaining({ errcode: 'M_TOO_LARGE', status: 413 }),
    );
  });
});

function fail(): never {
  throw new Error('no sample');
}
