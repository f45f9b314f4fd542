import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { SigningKey } from '../host.ts';
import { isRecord } from '../json.ts';
import { redact } from './redact.ts';
import type { EventJson, RoomVersion } from './room-version.ts';
import { findsValidSignature, hasValidSignature, signatureOf, signaturesOf, type VerifyKey } from './sign-json.ts';

/** The bytes that come before the seed if an ed25519 key is in PKCS #8 format. Source: RFC 8410. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;

/**
 * Makes the ed25519 private key for a seed of 32 bytes.
 * @throws RangeError if the seed has another length
 */
export function privateKeyOf(seed: Buffer): KeyObject {
  if (seed.length !== KEY_BYTES) throw new RangeError(`an ed25519 seed has ${KEY_BYTES} bytes`);
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

/**
 * Parses an ed25519 public key in unpadded base64, as servers publish it. Returns `undefined` if the text is not such a key.
 */
export function publicKeyOf(base64: string): KeyObject | undefined {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== KEY_BYTES) return undefined;
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }, format: 'jwk' });
}

/**
 * Signs an event. Keeps the existing signatures. Source: Server-Server API, "Signing Events".
 * @throws MatrixError the errors of `canonicalJson()`
 */
export function signEvent(event: EventJson, version: RoomVersion, key: SigningKey): EventJson {
  const { serverName, keyId } = key;
  const own = { ...signaturesOf(event, serverName), [keyId]: signatureOf(redact(event, version), key) };
  return { ...event, signatures: { ...(isRecord(event.signatures) && event.signatures), [serverName]: own } };
}

/** Tells whether an event has a valid signature by the given key. Servers sign the redacted form of an event. */
export function hasValidEventSignature(event: EventJson, version: RoomVersion, key: VerifyKey): boolean {
  return hasValidSignature({ ...redact(event, version), signatures: event.signatures }, key);
}

/** Does the same as `hasValidEventSignature()`, but verifies the signature in a thread of Node's thread pool. */
export function findsValidEventSignature(event: EventJson, version: RoomVersion, key: VerifyKey): Promise<boolean> {
  return findsValidSignature({ ...redact(event, version), signatures: event.signatures }, key);
}
