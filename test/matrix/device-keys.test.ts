import { describe, expect, it } from 'vitest';
import type { RemoteDevices } from '../../src/host.ts';
import { isUserId, type UserId } from '../../src/ids.ts';
import { type VerifiedDevices, verifyDevices } from '../../src/matrix/device-keys.ts';
import { finished } from '../support/finished.ts';
import { crossSigner, crossSigningKey, deviceKeys, deviceSigner, signedBy } from '../support/remote-devices.ts';

type Json = Record<string, unknown>;
type Device = RemoteDevices['devices'][number];

function user(id: string): UserId {
  if (!isUserId(id)) throw new Error(`${id} is no user id`);
  return id;
}
const dora = user('@dora:two.test');
const [phone, laptop] = [deviceSigner('PHONE'), deviceSigner('LAPTOP')];
const [master, selfSigning] = [crossSigner(), crossSigner()];
const masterKey = crossSigningKey(dora, 'master', master, phone);
const selfSigningKey = crossSigningKey(dora, 'self_signing', selfSigning, master);

const phoneKeys = (changes: Json = {}, ...others: (typeof phone)[]): Json => {
  const { signatures: _signatures, ...keys } = deviceKeys(dora, 'PHONE', phone);
  return signedBy(dora, { ...keys, ...changes }, phone, ...others);
};
const device = (keys?: Json, fields: Partial<Device> = {}): Device => ({
  deviceId: 'PHONE',
  ...(keys !== undefined && { keys }),
  ...fields,
});
const verify = (devices: readonly Device[], more: Partial<RemoteDevices> = {}): VerifiedDevices =>
  finished(verifyDevices(dora, { streamId: 1, devices, ...more }));
const refused = (text: RegExp): object =>
  expect.objectContaining({ errcode: 'M_UNKNOWN', status: 502, message: expect.stringMatching(text) });
/** Returns the ids of the keys that have signed a device's stored keys. */
const signersOf = ({ devices }: VerifiedDevices): string[] =>
  devices.flatMap(({ keyJson }) => Object.keys(JSON.parse(keyJson).signatures[dora]));

describe('devices of a user of another server', () => {
  it('are accepted with their keys and valid signatures', () => {
    const keys = phoneKeys({ unsigned: { x: 1 } }, selfSigning, laptop);
    const verified = verify([device(keys, { displayName: 'Phone' }), device(undefined, { deviceId: 'WITHOUT' })], {
      selfSigningKey,
      masterKey,
    });
    expect(verified.leftOut).toBe(0);
    expect(verified.devices).toMatchObject([{ deviceId: 'PHONE', displayName: 'Phone' }]);
    expect(signersOf(verified).sort()).toEqual([phone.keyId, selfSigning.keyId].sort());
    const { signatures: _signatures, unsigned: _unsigned, ...rest } = keys;
    expect(JSON.parse(verified.devices[0]?.keyJson ?? '')).toMatchObject(rest);
    expect(verified.devices[0]?.keyJson).not.toContain('unsigned');
    expect(verified.devices[0]?.keyJson).not.toContain('=');
  });

  it.each<[string, Device]>([
    ['of another user', device(phoneKeys({ user_id: '@mallory:two.test' }))],
    ['of another device', device(phoneKeys({ device_id: 'LAPTOP' }))],
    ['in no record', device(phoneKeys({ keys: 'x' }))],
    ['that are not keys', device(phoneKeys({ keys: { [phone.keyId]: 'short' } }))],
    ['that are not a text', device(phoneKeys({ keys: { [phone.keyId]: 1 } }))],
    ['of another key id', device(phoneKeys({ keys: {} }))],
    ['for no algorithms', device(phoneKeys({ algorithms: 'x' }))],
    ['for algorithms that are not a text', device(phoneKeys({ algorithms: ['x', 1] }))],
    [
      'that only another device has signed',
      device({ ...phoneKeys(), signatures: signedBy(dora, phoneKeys(), laptop) }),
    ],
    ['with a signature that is not a text', device({ ...phoneKeys(), signatures: { [dora]: { [phone.keyId]: 1 } } })],
    ['that were changed since', device({ ...phoneKeys(), more: 1 })],
    ['that are too large', device(phoneKeys({ more: 'x'.repeat(65_536) }))],
  ])('are left out with keys %s', (_what, wrong) => {
    expect(verify([wrong])).toEqual({ devices: [], crossSigningKeys: [], leftOut: 1 });
  });

  it.each<[string, boolean]>([
    ['', false],
    ['D'.repeat(255), true],
    ['D'.repeat(256), false],
    ['D\0', false],
    ['é'.repeat(128), false],
  ])('are accepted with the id %j: %s', (deviceId, known) => {
    const keys = deviceKeys(dora, deviceId, deviceSigner(deviceId));
    expect(verify([{ deviceId, keys }]).leftOut).toBe(known ? 0 : 1);
  });

  it('have a name of limited length', () => {
    const nameOf = (displayName: string): string | undefined =>
      verify([device(phoneKeys(), { displayName })]).devices[0]?.displayName;
    expect(nameOf('x'.repeat(255))).toBe('x'.repeat(255));
    for (const name of ['x'.repeat(256), 'a\0', '\ud800']) expect(nameOf(name)).toBeUndefined();
    expect(verify([device(phoneKeys())]).devices[0]?.displayName).toBeUndefined();
  });

  it('count once, with their first keys', () => {
    const again = phoneKeys({ algorithms: [] });
    const { devices, leftOut } = verify([device(phoneKeys()), device(again)]);
    expect([devices.length, leftOut]).toEqual([1, 1]);
    expect(devices[0]?.keyJson).toContain('m.olm');
  });

  it('are limited to 2,000, in a list with a stream id', () => {
    const many = (count: number): Device[] => Array.from({ length: count }, (_, n) => ({ deviceId: `D${n}` }));
    expect(verify(many(2_000)).devices).toEqual([]);
    expect(() => verify(many(2_001))).toThrow(refused(/more than 2000 devices/));
    expect(verify([], { streamId: 0 }).devices).toEqual([]);
    for (const streamId of [-1, 1.5, Number.NaN]) {
      expect(() => verify([], { streamId })).toThrow(refused(/no stream id/));
    }
  });
});

describe('cross-signing keys', () => {
  it('keep valid signatures: on the devices, and by the master key', () => {
    const { crossSigningKeys } = verify([device(phoneKeys())], { masterKey, selfSigningKey });
    expect(crossSigningKeys.map(({ usage, publicKey }) => [usage, `ed25519:${publicKey}`])).toEqual([
      ['master', master.keyId],
      ['self_signing', selfSigning.keyId],
    ]);
    expect(crossSigningKeys.map(({ signatures }) => Object.keys(signatures))).toEqual([[phone.keyId], [master.keyId]]);
    expect(verify([], { masterKey }).crossSigningKeys).toMatchObject([{ usage: 'master', signatures: {} }]);
  });

  it.each<[string, Partial<RemoteDevices>, RegExp]>([
    ['a self-signing key alone', { selfSigningKey }, /not signed by the master key/],
    [
      'a self-signing key without a signature',
      { masterKey, selfSigningKey: crossSigningKey(dora, 'self_signing', selfSigning) },
      /not signed by the master key/,
    ],
    [
      'a key of another user',
      { masterKey: { ...masterKey, user_id: '@x:y' } },
      /the master key does not belong to the user/,
    ],
    [
      'a key of another usage',
      { masterKey: { ...masterKey, usage: ['self_signing'] } },
      /the master key does not belong/,
    ],
    [
      'a key without a usage',
      { masterKey: { ...masterKey, usage: 'master' } },
      /the master key does not belong to the user/,
    ],
    ['no keys', { masterKey: { ...masterKey, keys: {} } }, /the master key does not belong to the user/],
    ['two keys', { masterKey: { ...masterKey, keys: { ...(masterKey.keys as Json), 'ed25519:x': 'x' } } }, /master/],
    [
      'a key that is not a text',
      { masterKey: { ...masterKey, keys: { [master.keyId]: 1 } } },
      /the master key does not belong/,
    ],
    [
      'a key named otherwise',
      { masterKey: { ...masterKey, keys: { 'ed25519:x': master.keyId.slice('ed25519:'.length) } } },
      /the master key does not belong to the user/,
    ],
    [
      'a key in padded base64',
      { selfSigningKey: { ...selfSigningKey, keys: { [selfSigning.keyId]: `${selfSigning.keyId.slice(8)}=` } } },
      /the self_signing key does not belong to the user/,
    ],
  ])('are refused with the whole list: %s', (_what, more, text) => {
    expect(() => verify([], more)).toThrow(refused(text));
  });
});
