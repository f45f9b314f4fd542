import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { unpaddedBase64 } from '../../src/matrix/event-hash.ts';
import { signatureOf } from '../../src/matrix/sign-json.ts';

type Json = Record<string, unknown>;

/** A key that signs, with its key id. */
export interface Signer {
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

const encodedPublicKey = (privateKey: KeyObject): string =>
  unpaddedBase64(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32));

/** Signs an object with keys of the user. */
export function signedBy(userId: string, object: Json, ...signers: readonly Signer[]): Json {
  const signatures = Object.fromEntries(signers.map((signer) => [signer.keyId, signatureOf(object, signer)]));
  return { ...object, signatures: { [userId]: signatures } };
}

export function deviceSigner(deviceId: string): Signer {
  return { keyId: `ed25519:${deviceId}`, privateKey: generateKeyPairSync('ed25519').privateKey };
}

/** Makes a cross-signing key. Its id is its public key. */
export function crossSigner(): Signer {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { keyId: `ed25519:${encodedPublicKey(privateKey)}`, privateKey };
}

/** Makes the identity keys of a device. The device signs them, and other keys may sign them too. */
export function deviceKeys(userId: string, deviceId: string, signer: Signer, ...others: readonly Signer[]): Json {
  const keys = { [signer.keyId]: encodedPublicKey(signer.privateKey), [`curve25519:${deviceId}`]: 'c'.repeat(43) };
  const algorithms = ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'];
  return signedBy(userId, { user_id: userId, device_id: deviceId, algorithms, keys }, signer, ...others);
}

export function crossSigningKey(userId: string, usage: string, key: Signer, ...signers: readonly Signer[]): Json {
  const keys = { [key.keyId]: encodedPublicKey(key.privateKey) };
  return signedBy(userId, { user_id: userId, usage: [usage], keys }, ...signers);
}
