import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SigningKey } from '../../src/host.ts';
import { isRoomId, isServerName, isUserId } from '../../src/ids.ts';
import { buildEvent } from '../../src/matrix/build-event.ts';
import { canonicalJson } from '../../src/matrix/canonical-json.ts';
import { redact } from '../../src/matrix/redact.ts';
import { roomVersionOf } from '../../src/matrix/room-version.ts';
import { hasValidEventSignature, privateKeyOf } from '../../src/matrix/sign-event.ts';
import { type PythonPeer, startPythonPeer } from './python-peer.ts';

const EVENTS = 10_000;
const SEED = Number(process.env['SEED'] ?? 20_260_101);

function checked<Id extends string>(isId: (value: string) => value is Id, value: string): Id {
  if (!isId(value)) throw new Error(`${value} is not an id`);
  return value;
}
const keyOf = (name: string, keyId: string, byte: number): SigningKey => ({
  serverName: checked(isServerName, name),
  keyId,
  privateKey: privateKeyOf(Buffer.alloc(32, byte)),
});
const own = keyOf('own.test', 'ed25519:own', 1);
const PEER_BYTE = 2;
const peerKey = keyOf('peer.test', 'ed25519:peer', PEER_BYTE);

const text = fc.string({ unit: 'binary' });
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.maxSafeInteger(),
    fc.integer({ min: -100, max: 100 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('json'), { maxLength: 5 }),
    fc.dictionary(text, tie('json'), { maxKeys: 5 }),
  ),
}));
const PROTECTED = ['membership', 'creator', 'join_rule', 'allow', 'users', 'ban', 'invite', 'redacts', 'aliases'];
const TYPES = ['member', 'create', 'join_rules', 'power_levels', 'redaction', 'aliases', 'message'];

const draft = fc.record(
  {
    roomId: fc.constant(checked(isRoomId, '!room:own.test')),
    sender: fc.constant(checked(isUserId, '@alice:own.test')),
    type: fc.oneof(
      fc.constantFrom(...TYPES.map((type) => `m.room.${type}`)),
      fc.string({ unit: 'binary', maxLength: 60 }),
    ),
    stateKey: fc.string({ unit: 'binary', maxLength: 60 }),
    content: fc.dictionary(fc.oneof(text, fc.constantFrom(...PROTECTED)), json, { maxKeys: 8 }),
    originServerTs: fc.maxSafeNat(),
    depth: fc.nat(),
    authEvents: fc.constant([]),
    prevEvents: fc.constant([]),
  },
  {
    requiredKeys: ['roomId', 'sender', 'type', 'content', 'originServerTs', 'depth', 'authEvents', 'prevEvents'],
  },
);
const version = fc.integer({ min: 1, max: 12 }).map(String);

let peer: PythonPeer;
beforeAll(async () => {
  peer = await startPythonPeer();
});
afterAll(() => peer?.remove());

test(`${EVENTS} events: another implementation gives the same canonical JSON and signatures`, async () => {
  const events = fc.sample(fc.tuple(version, draft), { numRuns: EVENTS, seed: SEED }).map(([id, drafted]) => {
    const rules = roomVersionOf(id);
    const { event } = buildEvent(drafted, rules, own);
    return { id, event, rules, signed: { ...redact(event, rules), signatures: event.signatures } };
  });
  const publicKey = createPublicKey(own.privateKey);
  const keys = {
    server_name: own.serverName,
    key_id: own.keyId,
    public_key: publicKey.export({ format: 'jwk' }).x,
    peer_name: peerKey.serverName,
    peer_seed: Buffer.alloc(32, PEER_BYTE).toString('base64'),
  };
  const answers = await peer.ask([keys, ...events.map(({ event, signed }) => ({ event, signed }))]);
  expect(answers).toHaveLength(EVENTS);
  const theirs = { ...peerKey, publicKey: createPublicKey(peerKey.privateKey) };
  events.forEach(({ event, rules }, i) => {
    const unpadded = Buffer.from(canonicalJson(event)).toString('base64').replace(/=+$/, '');
    expect(answers[i], JSON.stringify(event)).toMatchObject({
      canonical: unpadded,
      verifies: true,
      verifies_altered: false,
    });
    const { signatures } = answers[i] as { signatures: unknown };
    expect(hasValidEventSignature({ ...event, signatures }, rules, theirs), JSON.stringify(event)).toBe(true);
    const altered = { ...event, depth: Number(event['depth']) + 1, signatures };
    expect(hasValidEventSignature(altered, rules, theirs), JSON.stringify(event)).toBe(false);
  });
  process.stdout.write(
    `${EVENTS} events of ${new Set(events.map(({ id }) => id)).size} room versions, seed ${SEED}, ${peer.description}: ` +
      'canonical JSON equal, our signatures verified by the other, the other’s by us, altered events refused by both\n',
  );
});
