import { createPublicKey } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SigningKey } from '../../src/host.ts';
import { isServerName, type ServerName } from '../../src/ids.ts';
import { loadSigningKey } from '../../src/reference-host/signing-key.ts';
import { fixture } from './fixture-homeserver.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signing-key-'));
});
afterEach(() => rm(directory, { recursive: true }));

function serverName(): ServerName {
  const name = 'example.org';
  if (!isServerName(name)) throw new Error('no server name');
  return name;
}
const publicHalf = ({ privateKey }: SigningKey): unknown => createPublicKey(privateKey).export({ format: 'jwk' });

test('a key is created once, readable only by its owner', async () => {
  const path = join(directory, 'new', 'matrix_key.pem');
  const keys = await Promise.all(Array.from({ length: 8 }, () => loadSigningKey(path, serverName())));
  expect(new Set(keys.map((key) => JSON.stringify([key.keyId, publicHalf(key)]))).size).toBe(1);
  expect(keys[0]?.keyId).toMatch(/^ed25519:\w{6}$/);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(directory, 'new'))).toEqual(['matrix_key.pem']);
});

test('a key file of Dendrite is read', async () => {
  const { key_id: keyId, seed_base64: seed } = fixture.signing_key;
  const path = join(directory, 'matrix_key.pem');
  await writeFile(
    path,
    `-----BEGIN MATRIX PRIVATE KEY-----\nKey-ID: ${keyId}\n\n${seed}=\n-----END MATRIX PRIVATE KEY-----\n`,
  );
  const key = await loadSigningKey(path, serverName());
  expect(key.keyId).toBe(keyId);
  expect(key.privateKey.export({ format: 'jwk' }).d).toBe(Buffer.from(seed, 'base64').toString('base64url'));
});

test.each([
  ['something else', 'hello'],
  ['another key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
  ['a short seed', '-----BEGIN MATRIX PRIVATE KEY-----\nKey-ID: ed25519:a\n\nAAAA\n-----END MATRIX PRIVATE KEY-----\n'],
])('%s is refused and not changed', async (_name, text) => {
  const path = join(directory, 'matrix_key.pem');
  await writeFile(path, text);
  await expect(loadSigningKey(path, serverName())).rejects.toThrow(/signing key|seed/);
  expect(await readFile(path, 'utf8')).toBe(text);
});
