import { type KeyObject, sign, verify } from 'node:crypto';
import { MatrixError } from '../errors.ts';
import type { SigningKey } from '../host.ts';
import { isRecord } from '../json.ts';
import { canonicalJson } from './canonical-json.ts';
import { unpaddedBase64 } from './event-hash.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** A server's public key, with the server's name and the key's id. */
export type VerifyKey = Omit<SigningKey, 'privateKey'> & { readonly publicKey: KeyObject };

function signedBytes({ signatures: _signatures, unsigned: _unsigned, ...signed }: JsonObject): Buffer {
  return Buffer.from(canonicalJson(signed));
}

/** Returns the signatures by one signer in an object, by key id. `serverName` is the signer, which may also be a user id. */
export function signaturesOf({ signatures }: JsonObject, serverName: string): Readonly<Record<string, unknown>> {
  const own = isRecord(signatures) && Object.hasOwn(signatures, serverName) ? signatures[serverName] : undefined;
  return isRecord(own) ? own : {};
}

/**
 * Computes the signature of an object with a private key, in unpadded base64. Source: Matrix specification, Appendices,
 * "Signing JSON".
 * @throws MatrixError the errors of `canonicalJson()`
 */
export function signatureOf(object: JsonObject, { privateKey }: Pick<SigningKey, 'privateKey'>): string {
  return unpaddedBase64(sign(null, signedBytes(object), privateKey));
}

/** Signs an object. Keeps the existing signatures. @throws MatrixError the errors of `canonicalJson()` */
export function signJson<T extends JsonObject>(object: T, key: SigningKey): T & { readonly signatures: JsonObject } {
  const { signatures } = object;
  const own = { ...signaturesOf(object, key.serverName), [key.keyId]: signatureOf(object, key) };
  return { ...object, signatures: { ...(isRecord(signatures) && signatures), [key.serverName]: own } };
}

/**
 * Tells whether an object has a valid signature by the given key. `serverName` is the owner of the key, which may also be a
 * user id.
 */
export function hasValidSignature(
  object: JsonObject,
  { serverName, keyId, publicKey }: Omit<VerifyKey, 'serverName'> & { readonly serverName: string },
): boolean {
  return verifies(object, signaturesOf(object, serverName)[keyId], publicKey);
}

/** Does the same as `hasValidSignature()`, but verifies the signature in a thread of Node's thread pool. */
export function findsValidSignature(object: JsonObject, { serverName, keyId, publicKey }: VerifyKey): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const message = messageOf(object, signaturesOf(object, serverName)[keyId]);
    if (message === undefined) resolve(false);
    else {
      verify(null, message.signed, publicKey, message.signature, (error, isValid) => {
        if (error) reject(error);
        else resolve(isValid);
      });
    }
  });
}

/** Tells whether any of the object's signatures was made with this key. */
export function isSignedBy(object: JsonObject, publicKey: KeyObject): boolean {
  const { signatures } = object;
  const all = isRecord(signatures) ? Object.keys(signatures).map((name) => signaturesOf(object, name)) : [];
  return all.flatMap((own) => Object.values(own)).some((signature) => verifies(object, signature, publicKey));
}

function verifies(object: JsonObject, signature: unknown, publicKey: KeyObject): boolean {
  const message = messageOf(object, signature);
  return message !== undefined && verify(null, message.signed, publicKey, message.signature);
}

/**
 * Returns the signed bytes of an object, and the bytes of a signature. Returns `undefined` if the signature cannot be valid.
 */
function messageOf(object: JsonObject, signature: unknown): { signed: Buffer; signature: Buffer } | undefined {
  if (typeof signature !== 'string') return undefined;
  try {
    return { signed: signedBytes(object), signature: Buffer.from(signature, 'base64') };
  } catch (error) {
    // An object that cannot be written as canonical JSON cannot have been signed.
    if (error instanceof MatrixError) return undefined;
    throw error;
  }
}
