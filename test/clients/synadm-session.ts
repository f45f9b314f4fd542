import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type FixtureHomeserver, fixture, type Json } from '../reference-host/fixture-homeserver.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { startClientHomeserver } from './client-homeserver.ts';
import type { SynadmProgram } from './synadm-programs.ts';

const run = promisify(execFile);
const { admin } = fixture.users;

/** The client synadm, and a homeserver that it administers. */
export interface SynadmSession {
  readonly server: FixtureHomeserver;
  /** Runs a command, and returns what it prints. */
  readonly text: (...args: string[]) => Promise<string>;
  /** Runs a command, and parses the JSON that it prints. */
  readonly json: (...args: string[]) => Promise<Json>;
  /** Writes another configuration file. @returns its path */
  readonly configFor: (matrixPath: string) => Promise<string>;
  readonly stop: () => Promise<void>;
}

export async function startSynadm(install: () => Promise<SynadmProgram>): Promise<SynadmSession> {
  const program = await install();
  const server = await startClientHomeserver();
  const directory = await makeScratchDirectory('koa-matrix-admin-synadm-');
  const configFor = async (matrixPath: string): Promise<string> => {
    const path = join(directory, `${matrixPath.replaceAll('/', '-')}.yaml`);
    await writeFile(path, configOf(server.origin, matrixPath));
    return path;
  };
  const config = await configFor('/_matrix');
  const text = async (...args: string[]): Promise<string> => {
    const options = ['--batch', '--config-file', config, '--output', 'json'];
    return (await run(program.path, [...options, ...args], { env: { ...process.env, HOME: directory } })).stdout;
  };
  return {
    server,
    text,
    json: async (...args) => JSON.parse(await text(...args)),
    configFor,
    stop: async () => {
      await server.stop();
      await program.remove();
      await rm(directory, { recursive: true });
    },
  };
}

/** Makes a configuration in the format of `synadm config`. */
function configOf(origin: string, matrixPath: string): string {
  const settings = {
    user: admin.user_id,
    token: admin.access_token,
    base_url: origin,
    admin_path: '/_synapse/admin',
    matrix_path: matrixPath,
    format: 'json',
    timeout: 30,
    server_discovery: 'well-known',
    homeserver: 'localhost:18448',
    ssl_verify: true,
  };
  return Object.entries(settings)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join('');
}
