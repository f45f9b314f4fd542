import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { SigningKey } from '../host.ts';
import { canonicalJson } from './canonical-json.ts';
import { unpaddedBase64 } from './event-hash.ts';
import { redact } from './redact.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

type Signatures = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The public half of a server's key. */
export type VerifyKey = Omit<SigningKey, 'privateKey'> & { readonly publicKey: KeyObject };

/** What comes before the seed in the PKCS #8 form of an ed25519 key, RFC 8410. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

/**
 * The ed25519 private key of a seed of 32 bytes.
 * @throws RangeError when the seed has another length.
 */
export function privateKeyOf(seed: Buffer): KeyObject {
  if (seed.length !== SEED_BYTES) throw new RangeError(`an ed25519 seed has ${SEED_BYTES} bytes`);
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

/** The ed25519 public key as servers publish it, in unpadded base64. */
export function publicKeyOf(base64: string): KeyObject {
  const x = Buffer.from(base64, 'base64').toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

function signedBytes(event: EventJson, version: RoomVersion): Buffer {
  const { signatures: _signatures, ...signed } = redact(event, version);
  return Buffer.from(canonicalJson(signed));
}

function signaturesOf({ signatures }: EventJson): Signatures {
  return typeof signatures === 'object' && signatures !== null ? { ...signatures } : {};
}

/**
 * The event with one more signature; others are kept. Server-Server API, "Signing Events".
 * @throws MatrixError as `canonicalJson()`.
 */
export function signEvent(
  event: EventJson,
  version: RoomVersion,
  { serverName, keyId, privateKey }: SigningKey,
): EventJson {
  const signatures = signaturesOf(event);
  const signature = unpaddedBase64(sign(null, signedBytes(event, version), privateKey));
  return {
    ...event,
    signatures: { ...signatures, [serverName]: { ...signatures[serverName], [keyId]: signature } },
  };
}

/** Whether the event bears a valid signature by this key. */
export function hasValidSignature(
  event: EventJson,
  version: RoomVersion,
  { serverName, keyId, publicKey }: VerifyKey,
): boolean {
  const signature: unknown = signaturesOf(event)[serverName]?.[keyId];
  if (typeof signature !== 'string') return false;
  return verify(null, signedBytes(event, version), publicKey, Buffer.from(signature, 'base64'));
}
