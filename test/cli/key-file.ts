import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };

/** Writes the key file of the recorded Dendrite, in Dendrite's format. @returns its path */
export async function writeKeyFile(directory: string): Promise<string> {
  const { key_id: keyId, seed_base64: seed } = server.signing_key;
  const path = join(directory, 'matrix_key.pem');
  await writeFile(
    path,
    `-----BEGIN MATRIX PRIVATE KEY-----\nKey-ID: ${keyId}\n\n${seed}=\n-----END MATRIX PRIVATE KEY-----\n`,
  );
  return path;
}
