import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outputFile } from './test-output.ts';

/** A homeserver that consists only of the plugin. */
export const PLUGIN_PROGRAM = fileURLToPath(new URL('plugin-process.mjs', import.meta.url));
export const HOMESERVER_PROGRAM = fileURLToPath(new URL('../../dist/reference-host/main.js', import.meta.url));

export interface ProcessSettings {
  readonly databaseUrl: string;
  /** Folder for the files of the process. */
  readonly directory: string;
  readonly leaseMs: number;
  /** The operation that `PLUGIN_PROGRAM` calls as soon as it is ready. @defaultValue no operation */
  readonly call?: OperationCall;
}

/** A call of one of `admin.operations`. */
export interface OperationCall {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Starts a process that runs the jobs of a database. Resolves when the process is ready. */
export async function startProcess(
  program: string,
  { databaseUrl, directory, leaseMs, call }: ProcessSettings,
): Promise<ChildProcess> {
  const { PATH, HOME } = process.env;
  const env = {
    PATH,
    HOME,
    DATABASE_URL: databaseUrl,
    LEASE_MS: String(leaseMs),
    PORT: '0',
    LOG_LEVEL: 'trace',
    SIGNING_KEY: join(directory, 'key.pem'),
    MEDIA_STORE: join(directory, 'media'),
    ...(call && { CALL: JSON.stringify(call) }),
  };
  const log = openSync(outputFile('record') ?? join(directory, 'log'), 'a');
  const child = spawn(process.execPath, [program], { cwd: directory, env, stdio: ['ignore', 'pipe', log] });
  closeSync(log);
  if (child.stdout === null) throw new Error('nothing to read from');
  const [line] = await once(child.stdout, 'data');
  if (!String(line).startsWith('ready')) throw new Error(`not ready: ${String(line)}`);
  return child;
}

/** Sends `kill -9` to a process, and waits until it has ended. */
export async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
