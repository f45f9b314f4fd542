import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { generate } from 'selfsigned';
import type { ServerName } from '../../index.ts';
import { addressOf } from './server-address.ts';

/** Certificate and private key of a TLS server, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 24 * 3_600_000;
const VALID_DAYS = 3650;

/**
 * Creates a self-signed certificate that is valid for ten years. Another server accepts this certificate only if that server
 * does not verify certificates, or if the administrator of that server has chosen to trust this certificate.
 */
export async function createCertificate(serverName: ServerName): Promise<Certificate> {
  const { host } = addressOf(serverName);
  const names = isIP(host) === 0 ? [{ type: 2 as const, value: host }] : [{ type: 7 as const, ip: host }];
  const { cert, private: key } = await generate([{ name: 'commonName', value: host.slice(0, 64) }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + VALID_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: names },
    ],
  });
  return { cert, key };
}

/**
 * Reads a certificate and its private key from a file. If the file does not exist, creates a certificate, and stores it in the
 * file with mode 0600.
 * @throws Error if the file cannot be read or written
 */
export async function loadCertificate(path: string, serverName: ServerName): Promise<Certificate> {
  const read = async (): Promise<Certificate> => {
    const pem = await readFile(path, 'utf8');
    return { cert: pem, key: pem };
  };
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const { cert, key } = await createCertificate(serverName);
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${key.trim()}\n${cert.trim()}\n`, { mode: 0o600 });
  await rename(draft, path);
  return read();
}
