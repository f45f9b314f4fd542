import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fixture, type Json } from '../reference-host/fixture-homeserver.ts';
import { createTestDatabase } from '../support/database.ts';
import { HOMESERVER_PROGRAM, killProcess } from '../support/killable-process.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';

/** A reference homeserver in a separate process, on a database with the recorded data. */
export interface HomeserverProcess {
  readonly origin: string;
  /** Kills the process and starts another one on the same port and database. */
  readonly restart: () => Promise<void>;
  /** Sends a request as the administrator. */
  readonly asAdmin: (method: string, path: string, body?: unknown) => Promise<Json>;
  readonly stop: () => Promise<void>;
}

export async function startHomeserverProcess(): Promise<HomeserverProcess> {
  const database = await createTestDatabase({ fixture: true });
  const directory = await makeScratchDirectory('koa-matrix-admin-homeserver-');
  let child: ChildProcess | undefined;

  const start = async (port: string): Promise<string> => {
    const { PATH, HOME } = process.env;
    const settings = { SERVER_NAME: fixture.server_name, SIGNING_KEY: join(directory, 'key.pem'), LOG_LEVEL: 'warn' };
    const env = { PATH, HOME, DATABASE_URL: database.connectionString, PORT: port, ...settings };
    child = spawn(process.execPath, [HOMESERVER_PROGRAM], {
      cwd: directory,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (child.stdout === null) throw new Error('the homeserver has no output');
    const [line] = await once(child.stdout, 'data');
    const [, origin] = /^ready (\S+)/.exec(String(line)) ?? [];
    if (origin === undefined) throw new Error(`the homeserver is not ready: ${String(line)}`);
    return origin;
  };
  const kill = async (): Promise<void> => {
    if (child !== undefined) await killProcess(child);
  };

  const origin = await start('0');
  return {
    origin,
    restart: async () => {
      await kill();
      await start(new URL(origin).port);
    },
    asAdmin: async (method, path, body) => {
      const response = await fetch(new URL(path, origin), {
        method,
        headers: { authorization: `Bearer ${fixture.users.admin.access_token}` },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const answer: Json = await response.json();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
      return answer;
    },
    stop: async () => {
      await kill();
      await database.drop();
      await rm(directory, { recursive: true });
    },
  };
}
