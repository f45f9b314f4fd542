import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ServerName, SigningKey } from '../index.ts';
import { privateKeyOf } from '../matrix/index.ts';

const PEM =
  /-----BEGIN MATRIX PRIVATE KEY-----\r?\nKey-ID: (ed25519:\w+)\r?\n(?:[\w-]+: .*\r?\n)*\r?\n([A-Za-z0-9+/=\s]+)-----END MATRIX PRIVATE KEY-----/;
const KEY_ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function newKeyFile(): string {
  const version = Array.from(randomBytes(6), (byte) => KEY_ID_ALPHABET[byte % KEY_ID_ALPHABET.length]).join('');
  const seed = randomBytes(32).toString('base64');
  return `-----BEGIN MATRIX PRIVATE KEY-----\nKey-ID: ed25519:${version}\n\n${seed}\n-----END MATRIX PRIVATE KEY-----\n`;
}

/**
 * Creates a file with a new key in one step, and its folder if only that is missing. Keeps a file that exists. Several
 * processes may call this function at the same time.
 */
async function writeIfMissing(path: string): Promise<void> {
  await mkdir(dirname(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return;
    if (error.code !== 'ENOENT') throw error;
    throw new Error(`SIGNING_KEY: the folder ${dirname(dirname(path))} does not exist: create it, or correct the path`);
  });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, newKeyFile(), { mode: 0o600, flag: 'wx' });
  try {
    await link(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft);
  }
}

/**
 * Reads a key file in Dendrite's format. If the file does not exist, first creates it with mode 0600. If only the last folder
 * of the path is missing, also creates this folder.
 * @throws Error if the folder cannot be created, or the file cannot be read or is not a key file
 */
export async function loadSigningKey(path: string, serverName: ServerName): Promise<SigningKey> {
  await writeIfMissing(path);
  const [, keyId, seed] = PEM.exec(await readFile(path, 'utf8')) ?? [];
  if (keyId === undefined || seed === undefined) throw new Error(`${path} is not a Matrix signing key`);
  return { serverName, keyId, privateKey: privateKeyOf(Buffer.from(seed, 'base64')) };
}
