import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { redact } from './redact.ts';
import type { EventJson, RoomVersion } from './room-version.ts';

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Encodes bytes as Matrix does: in base64 with the standard alphabet and without padding. */
export function unpaddedBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/**
 * Computes `hashes.sha256` of an event, in unpadded base64. Source: Server-Server API, "Calculating the content hash for an
 * event".
 * @throws MatrixError the errors of `canonicalJson()`
 */
export function contentHash(event: EventJson): string {
  const { unsigned: _unsigned, signatures: _signatures, hashes: _hashes, ...hashed } = event;
  return unpaddedBase64(sha256(canonicalJson(hashed)));
}

/**
 * Computes the reference hash of an event. Other events refer to the event by this hash. Source: Server-Server API,
 * "Calculating the reference hash for an event".
 * @throws MatrixError the errors of `canonicalJson()`
 */
export function referenceHash(event: EventJson, version: RoomVersion): Buffer {
  const { signatures: _signatures, ...hashed } = redact(event, version);
  return sha256(canonicalJson(hashed));
}
