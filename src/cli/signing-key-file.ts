import { readFile } from 'node:fs/promises';
import type { SigningKey } from '../host.ts';
import type { ServerName } from '../ids.ts';
import { serverName } from '../make-ids.ts';
import { privateKeyOf } from '../matrix/sign-event.ts';
import { CommandError, EXIT } from './exit-code.ts';

/** The format of Dendrite's `matrix_key.pem`. */
const DENDRITE =
  /-----BEGIN MATRIX PRIVATE KEY-----\r?\nKey-ID: (ed25519:\w+)\r?\n(?:[\w-]+: .*\r?\n)*\r?\n([A-Za-z0-9+/=\s]+)-----END MATRIX PRIVATE KEY-----/;
/** The format of Synapse's `*.signing.key`. */
const SYNAPSE = /^ed25519 (\w+) ([A-Za-z0-9+/]{43}=?)\s*$/m;

/**
 * Reads key files of Dendrite or Synapse. An entry is the path of the file for the main server name, or `name=path` for a
 * virtual host.
 * @throws CommandError if a file cannot be read or is not a key file
 */
export function readSigningKeys(entries: readonly string[], primary: ServerName): Promise<SigningKey[]> {
  return Promise.all(
    entries.map((entry) => {
      const [, name, file] = /^([^=/]+)=(.+)$/.exec(entry) ?? [];
      return readSigningKey(file ?? entry, name === undefined ? primary : serverName(name));
    }),
  );
}

async function readSigningKey(file: string, name: ServerName): Promise<SigningKey> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(EXIT.usage, `Cannot read the key file ${file} (${error.code ?? error.message}).`);
  });
  const [, keyId, seed] = DENDRITE.exec(text) ?? [];
  const [, version, base64] = SYNAPSE.exec(text) ?? [];
  const key = seed ?? base64;
  if (key === undefined) {
    throw new CommandError(
      EXIT.usage,
      `${file} is not a key file of a homeserver. Dendrite's key file is global.private_key in dendrite.yaml, often matrix_key.pem.`,
    );
  }
  return {
    serverName: name,
    keyId: keyId ?? `ed25519:${version}`,
    privateKey: privateKeyOf(Buffer.from(key, 'base64')),
  };
}
