import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isServerName, type ServerName } from '../../src/ids.ts';
import { contentHash } from '../../src/matrix/event-hash.ts';
import { eventIdOf } from '../../src/matrix/event-id.ts';
import { roomVersionOf } from '../../src/matrix/room-version.ts';
import { hasValidEventSignature, privateKeyOf, publicKeyOf } from '../../src/matrix/sign-event.ts';
import type { VerifyKey } from '../../src/matrix/sign-json.ts';
import { fixtureEvents, fixtureRemoteKeys, fixtureServer } from './fixture-events.ts';

function serverName(name: string): ServerName {
  if (!isServerName(name)) throw new Error(`${name} is not a server name`);
  return name;
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('is missing');
  return value;
}

function knownKeys(): VerifyKey[] {
  const { server_name, signing_key } = fixtureServer();
  const seed = Buffer.from(signing_key.seed_base64, 'base64');
  const own = { keyId: signing_key.key_id, publicKey: createPublicKey(privateKeyOf(seed)) };
  const remote = [...fixtureRemoteKeys()].map(([name, { keyId, publicKey }]) => ({
    serverName: serverName(name),
    keyId,
    publicKey: present(publicKeyOf(publicKey)),
  }));
  return [{ serverName: serverName(server_name), ...own }, ...remote];
}

const isRedacted = (event: Record<string, unknown>): boolean =>
  typeof event.unsigned === 'object' && event.unsigned !== null && 'redacted_because' in event.unsigned;

describe('events that a Dendrite wrote', () => {
  const events = fixtureEvents();

  test('cover every room version', () => {
    expect(events.length).toBeGreaterThan(300);
    expect(new Set(events.map(({ roomVersion }) => Number(roomVersion)))).toEqual(
      new Set(Array.from({ length: 12 }, (_, index) => index + 1)),
    );
  });

  test('have the event ids that this code computes', () => {
    for (const { event, eventId, roomVersion } of events) {
      expect(eventIdOf(event, roomVersionOf(roomVersion))).toBe(eventId);
    }
  });

  test('have the content hashes that this code computes, unless they are redacted', () => {
    const whole = events.filter(({ event }) => !isRedacted(event));
    expect(events.length - whole.length).toBe(12);
    for (const { event, eventId } of whole) {
      expect(event.hashes, eventId).toEqual({ sha256: contentHash(event) });
    }
  });

  test('have valid signatures of each signing server, redacted or not', () => {
    const keys = knownKeys();
    const checked = new Map<string, number>();
    for (const { event, eventId, roomVersion } of events) {
      for (const name of Object.keys(event.signatures ?? {})) {
        const key = keys.find((known) => known.serverName === name);
        if (key === undefined) throw new Error(`no key of ${name}`);
        expect(hasValidEventSignature(event, roomVersionOf(roomVersion), key), eventId).toBe(true);
        checked.set(name, (checked.get(name) ?? 0) + 1);
      }
    }
    expect([...checked.keys()].sort()).toEqual(keys.map((key) => key.serverName).sort());
  });
});
