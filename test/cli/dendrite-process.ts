import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isRecord } from '../../src/json.ts';

/** The folder with Dendrite's programs, which were built from its source. */
export const DENDRITE_BIN = process.env['DENDRITE_BIN'];

/** A real Dendrite on an empty database. */
export interface Dendrite {
  readonly serverName: string;
  readonly origin: string;
  readonly keyFile: string;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Calls the client API. @returns the body of the answer */
  readonly call: (token: string, method: string, path: string, body?: object) => Promise<Record<string, unknown>>;
  /** Logs a user in. @returns the access token; `undefined` if Dendrite refuses the login */
  readonly logIn: (user: string, password: string) => Promise<string | undefined>;
}

/**
 * Prepares a Dendrite, but does not start it. Its server name is `localhost`, with a port if the server federates.
 * @param federates whether other servers can reach it
 */
export async function prepareDendrite(directory: string, database: string, federates = false): Promise<Dendrite> {
  const keyFile = join(directory, 'dendrite.pem');
  const program = (name: string): string => join(DENDRITE_BIN ?? '', name);
  const [certificate, tlsKey] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
  const tls = ['--server', 'localhost', '--keysize', '2048', '--tls-cert', certificate, '--tls-key', tlsKey];
  await promisify(execFile)(program('generate-keys'), ['--private-key', keyFile, ...(federates ? tls : [])]);
  const httpsPort = federates ? await freePort() : undefined;
  const serverName = httpsPort === undefined ? 'localhost' : `localhost:${httpsPort}`;
  await mkdir(join(directory, 'media'), { recursive: true });
  const config = join(directory, 'dendrite.yaml');
  await writeFile(config, configOf(directory, keyFile, database, serverName));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  const call: Dendrite['call'] = async (token, method, path, body) => {
    const response = await fetch(`${origin}/_matrix/client/v3/${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    return isRecord(answer) ? answer : {};
  };
  return {
    serverName,
    origin,
    keyFile,
    start: async () => {
      const https = ['--https-bind-address', `127.0.0.1:${httpsPort}`, '--tls-cert', certificate, '--tls-key', tlsKey];
      const listen = ['--http-bind-address', `127.0.0.1:${port}`, ...(federates ? https : [])];
      child = spawn(program('dendrite'), ['--config', config, ...listen], {
        cwd: directory,
        stdio: 'ignore',
      });
      for (let attempt = 0; attempt < 300; attempt += 1) {
        if (
          await fetch(`${origin}/_matrix/client/versions`).then(
            ({ ok }) => ok,
            () => false,
          )
        )
          return;
        await new Promise((resolve) => {
          setTimeout(resolve, 100);
        });
      }
      throw new Error('Dendrite does not answer');
    },
    stop: async () => {
      if (child === undefined || child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
    call,
    logIn: async (user, password) => {
      const answer = await call('', 'POST', 'login', { type: 'm.login.password', user, password });
      return typeof answer['access_token'] === 'string' ? answer['access_token'] : undefined;
    },
  };
}

const configOf = (directory: string, keyFile: string, database: string, serverName: string): string => `version: 2
global:
  server_name: ${serverName}
  private_key: ${keyFile}
  database:
    connection_string: ${database}?sslmode=disable
    max_open_conns: 20
  disable_federation: ${serverName === 'localhost'}
  jetstream:
    storage_path: ${directory}/jetstream
federation_api:
  disable_tls_validation: true
  deny_networks: []
  allow_networks: ["0.0.0.0/0", "::/0"]
client_api:
  registration_disabled: true
  rate_limiting:
    enabled: false
media_api:
  base_path: ${directory}/media
logging: []
`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
