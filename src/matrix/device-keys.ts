import type { KeyObject } from 'node:crypto';
import { MatrixError } from '../errors.ts';
import type { RemoteDevices } from '../host.ts';
import type { UserId } from '../ids.ts';
import { isRecord } from '../json.ts';
import { canonicalJson } from './canonical-json.ts';
import { unpaddedBase64 } from './event-hash.ts';
import { publicKeyOf } from './sign-event.ts';
import { hasValidSignature, signaturesOf } from './sign-json.ts';

type RemoteDevice = RemoteDevices['devices'][number];
type JsonObject = Readonly<Record<string, unknown>>;

/** Maximum size of one device's keys, in bytes of canonical JSON. */
const MAX_KEYS_BYTES = 65_536;
const MAX_DEVICES = 2_000;
const MAX_DEVICE_ID_BYTES = 255;
/** Maximum length of a device name, in UTF-16 code units. The plugin leaves out a longer name. */
const MAX_DISPLAY_NAME_LENGTH = 255;
/** Maximum number of signatures that the plugin checks on one object. The plugin leaves out further signatures. */
const MAX_SIGNATURES = 100;

/** A device whose identity keys have a valid signature by the device itself. */
export interface VerifiedDevice {
  readonly deviceId: string;
  /** `undefined` if the device has no name, or if the plugin leaves the name out. */
  readonly displayName: string | undefined;
  /** Canonical JSON of the device's identity keys, with only the valid signatures. */
  readonly keyJson: string;
}

export type CrossSigningUsage = 'master' | 'self_signing';

export interface CrossSigningKey {
  readonly usage: CrossSigningUsage;
  /** The public key in unpadded base64. The key id consists of `ed25519:` and the public key. */
  readonly publicKey: string;
  /**
   * Valid signatures by other keys of the same user, by key id: by devices for the master key, by the master key for the
   * self-signing key.
   */
  readonly signatures: Readonly<Record<string, string>>;
}

/** The devices and keys in a device list that have passed all checks. */
export interface VerifiedDevices {
  readonly devices: readonly VerifiedDevice[];
  readonly crossSigningKeys: readonly CrossSigningKey[];
  /**
   * Number of devices with keys that are not in `devices`, because the keys are malformed, too large, belong to another device
   * or user, or lack the device's own signature. If the list has a second device with the same id, it counts too.
   */
  readonly leftOut: number;
}

/** A user's public keys that verify signatures, by key id. */
type Signers = Readonly<Record<string, KeyObject>>;

const bad = (message: string): MatrixError => new MatrixError('M_UNKNOWN', message, { status: 502 });
const ed25519 = (id: string): string => `ed25519:${id}`;

/**
 * Verifies the device list of a user of another server. Yields often, so that the event loop is not blocked. Sources:
 * Client-Server API, "Device keys" and "Cross-signing"; Server-Server API, `GET user/devices`.
 *
 * Leaves out a device if its keys are malformed, too large, belong to another device or user, or lack the device's own
 * signature. So one broken client does not hide the user's other devices. Leaves out devices without keys, because nobody
 * encrypts messages for such devices. Refuses the whole list if a cross-signing key is malformed, or if the self-signing key
 * lacks the signature of the master key, because these keys stand for the user. Also refuses a list without a stream id or with
 * more than 2,000 devices. Of devices and keys that it returns, leaves out invalid signatures.
 *
 * @throws MatrixError `M_UNKNOWN` with status 502 if the list is refused
 */
export function* verifyDevices(
  userId: UserId,
  answer: RemoteDevices,
): Generator<undefined, VerifiedDevices, undefined> {
  if (answer.devices.length > MAX_DEVICES) throw bad(`the user has more than ${MAX_DEVICES} devices`);
  if (!Number.isSafeInteger(answer.streamId) || answer.streamId < 0) throw bad('the device list has no stream id');
  const master = answer.masterKey && crossSigningKeyOf(userId, 'master', answer.masterKey);
  const selfSigning = answer.selfSigningKey && crossSigningKeyOf(userId, 'self_signing', answer.selfSigningKey);
  const withKeys = answer.devices.filter(({ keys }) => keys !== undefined);
  const devices = new Map<string, VerifiedDevice>();
  const signers: Record<string, KeyObject> = {};
  for (const device of withKeys) {
    yield;
    const signer = devices.has(device.deviceId) ? undefined : signerOf(userId, device);
    const verified = signer && verifyDevice(userId, device, { ...selfSigning?.signer, ...signer });
    if (verified === undefined) continue;
    devices.set(device.deviceId, verified);
    Object.assign(signers, signer);
  }
  const crossSigningKeys: CrossSigningKey[] = [];
  if (master) {
    const { usage, publicKey, object } = master;
    crossSigningKeys.push({ usage, publicKey, signatures: signaturesBy(userId, object, signers) });
  }
  if (selfSigning) {
    const { usage, publicKey, object } = selfSigning;
    const signatures = signaturesBy(userId, object, master?.signer ?? {});
    if (Object.keys(signatures).length === 0) throw bad('the self-signing key is not signed by the master key');
    crossSigningKeys.push({ usage, publicKey, signatures });
  }
  return { devices: [...devices.values()], crossSigningKeys, leftOut: withKeys.length - devices.size };
}

/**
 * Returns the public key with which a device signs. Returns `undefined` if the keys belong to another device or user, or are
 * malformed.
 */
function signerOf(userId: UserId, { deviceId, keys: object }: RemoteDevice): Signers | undefined {
  if (object?.user_id !== userId || object.device_id !== deviceId || !isDeviceId(deviceId)) return undefined;
  if (!isRecord(object.keys) || !isListOfText(object.algorithms)) return undefined;
  const encoded = object.keys[ed25519(deviceId)];
  const key = typeof encoded === 'string' ? publicKeyOf(encoded) : undefined;
  return key && { [ed25519(deviceId)]: key };
}

/**
 * Returns the device with its valid signatures. Returns `undefined` if the device's own signature is not valid, or if the keys
 * are larger than `MAX_KEYS_BYTES`.
 */
function verifyDevice(
  userId: UserId,
  { deviceId, displayName, keys = {} }: RemoteDevice,
  signers: Signers,
): VerifiedDevice | undefined {
  const signatures = signaturesBy(userId, keys, signers);
  if (!Object.hasOwn(signatures, ed25519(deviceId))) return undefined;
  const { unsigned: _unsigned, signatures: _signatures, ...signed } = keys;
  const keyJson = canonicalJson({ ...signed, signatures: { [userId]: signatures } });
  if (Buffer.byteLength(keyJson) > MAX_KEYS_BYTES) return undefined;
  return { deviceId, displayName: displayName !== undefined && isName(displayName) ? displayName : undefined, keyJson };
}

/** Reads a cross-signing key. @throws MatrixError if the object is not a well-formed key of the user for this usage */
function crossSigningKeyOf(
  userId: UserId,
  usage: CrossSigningUsage,
  object: JsonObject,
): Omit<CrossSigningKey, 'signatures'> & { readonly signer: Signers; readonly object: JsonObject } {
  const isOfUser = object.user_id === userId && isListOfText(object.usage) && object.usage.includes(usage);
  const [entry, ...others] = isOfUser && isRecord(object.keys) ? Object.entries(object.keys) : [];
  const [keyId = '', encoded] = entry ?? [];
  const key = typeof encoded === 'string' && others.length === 0 ? publicKeyOf(encoded) : undefined;
  const publicKey = unpaddedBase64(Buffer.from(String(encoded), 'base64'));
  if (key === undefined || encoded !== publicKey || keyId !== ed25519(publicKey)) {
    throw bad(`the ${usage} key does not belong to the user`);
  }
  return { usage, publicKey, signer: { [keyId]: key }, object };
}

/**
 * Returns the object's valid signatures, by key id. Considers only the user's first `MAX_SIGNATURES` signatures, and of these
 * only signatures by keys that are in `signers`.
 */
function signaturesBy(userId: UserId, object: JsonObject, signers: Signers): Record<string, string> {
  const good: Record<string, string> = {};
  for (const [keyId, signature] of Object.entries(signaturesOf(object, userId)).slice(0, MAX_SIGNATURES)) {
    const publicKey = Object.hasOwn(signers, keyId) ? signers[keyId] : undefined;
    if (publicKey === undefined || typeof signature !== 'string') continue;
    if (!hasValidSignature(object, { serverName: userId, keyId, publicKey })) continue;
    good[keyId] = unpaddedBase64(Buffer.from(signature, 'base64'));
  }
  return good;
}

function isListOfText(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Tells whether PostgreSQL can store a text. PostgreSQL can store neither NUL nor lone surrogates. */
const isText = (value: string): boolean => !value.includes('\0') && value.isWellFormed();
const isDeviceId = (id: string): boolean => id !== '' && Buffer.byteLength(id) <= MAX_DEVICE_ID_BYTES && isText(id);
const isName = (name: string): boolean => name.length <= MAX_DISPLAY_NAME_LENGTH && isText(name);
