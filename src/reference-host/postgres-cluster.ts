import { once } from 'node:events';
import { chown, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { PostgresAccount } from './postgres-account.ts';
import { processArguments, processStart } from './process-identity.ts';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 25;
const START_ATTEMPTS = 5;

/** Paths of PostgreSQL's programs. */
export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

export interface Cluster {
  /** PostgreSQL's data directory. */
  readonly dir: string;
  readonly logFile: string;
  readonly passwordFile: string;
  readonly account: PostgresAccount;
  readonly programs: PostgresPrograms;
}

/** PostgreSQL's main process, as its pid file describes it. */
interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** Name of the cluster's superuser, and of its first database. */
const SUPERUSER = 'postgres';

/**
 * Options of `initdb` for the locale. `createCluster()` first tries libc's C.UTF-8. If `initdb` fails, for example because libc
 * does not have this locale, it tries PostgreSQL's own C.UTF-8. Both classify characters in the same way.
 */
const LOCALES = [
  ['--locale=C.UTF-8'],
  ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
] as const;

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function runInitdb(
  { programs, account, logFile, passwordFile }: Cluster,
  dir: string,
  locale: readonly string[],
) {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { mode: 0o700 });
  if (account.owner !== undefined) await chown(dir, account.owner.uid, account.owner.gid);
  const log = await open(logFile, 'a');
  const args = ['-D', dir, '-U', SUPERUSER, '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8'];
  const initdb = account.spawn(programs.initdb, [...args, ...locale], ['ignore', log.fd, log.fd]);
  try {
    const [exitCode] = await once(initdb, 'exit');
    return exitCode === 0;
  } finally {
    await log.close();
  }
}

/**
 * Creates the cluster's data directory if it does not exist. The directory has a temporary name until it is complete, so that
 * `cluster.dir` is never a partial cluster, even if the process dies.
 * @throws Error with the end of the log if `initdb` fails with both locales
 */
export async function createCluster(cluster: Cluster): Promise<void> {
  if (await exists(cluster.dir)) return;
  const draft = `${cluster.dir}.new`;
  for (const locale of LOCALES) {
    if (await runInitdb(cluster, draft, locale)) return rename(draft, cluster.dir);
  }
  const log = await lastLines(cluster.logFile);
  const remedy = log.includes('loading shared libraries')
    ? '\nIts libraries are links that an install script makes: run "npm rebuild" without --ignore-scripts, or set DATABASE_URL.'
    : '';
  throw new Error(`initdb failed: ${log}${remedy}`);
}

async function lastLines(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim().split('\n').slice(-5).join('\n');
}

/**
 * Reads `postmaster.pid`. The lines of this file are: pid, data directory, start time, port, socket directory, address, and
 * others. Returns `undefined` if the file is missing or incomplete.
 */
async function readPidFile(dir: string): Promise<Postmaster | undefined> {
  const lines = (await readFile(join(dir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return pid > 0 && port > 0 ? { pid, port } : undefined;
}

/**
 * Tells whether the process with a pid is PostgreSQL's main process for `dir`. If PostgreSQL has died, another program may have
 * got the same pid. Returns `true` if the process is a PostgreSQL server whose data directory cannot be found out.
 */
async function isPostmasterOf(dir: string, pid: number): Promise<boolean> {
  const args = await processArguments(pid);
  // The child processes of the main process do not match, because their names start with "postgres: ".
  if (basename(args[0] ?? '') !== 'postgres') return false;
  const theirs = await stat(args[args.indexOf('-D') + 1] ?? '').catch(() => undefined);
  const ours = await stat(dir);
  return theirs === undefined || (theirs.ino === ours.ino && theirs.dev === ours.dev);
}

/**
 * Finds the running main process of a cluster. Returns `undefined` if none is running. If the pid file names an unrelated
 * process, removes the file, because PostgreSQL would refuse to start. If no process has the pid in the file, keeps the file,
 * because PostgreSQL itself then checks the rest of the file.
 */
export async function findPostmaster({ dir }: Cluster): Promise<Postmaster | undefined> {
  const postmaster = await readPidFile(dir);
  if (postmaster === undefined || (await processStart(postmaster.pid)) === undefined) return undefined;
  if (await isPostmasterOf(dir, postmaster.pid)) return postmaster;
  await rm(join(dir, 'postmaster.pid'), { force: true });
  return undefined;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  return address.port;
}

/** Makes the connection string of the cluster. */
async function connectionStringOf({ passwordFile }: Cluster, port: number): Promise<string> {
  return `postgres://${SUPERUSER}:${await readFile(passwordFile, 'utf8')}@127.0.0.1:${port}/postgres`;
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

/**
 * Waits until the server accepts connections. Returns `false` if the server has ended instead.
 * @throws Error if the server neither accepts connections nor ends within `READY_TIMEOUT_MS`
 */
async function becomesReady(connectionString: string, hasEnded: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await answers(connectionString))) {
    if (await hasEnded()) return false;
    if (Date.now() > deadline) throw new Error(`PostgreSQL accepts no connections after ${READY_TIMEOUT_MS} ms`);
    await delay(POLL_MS);
  }
  return true;
}

async function launch(cluster: Cluster, settings: Readonly<Record<string, string>>, port: number): Promise<boolean> {
  const fixed = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '' };
  const options = Object.entries({ ...settings, ...fixed }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = await open(cluster.logFile, 'w');
  const server = cluster.account.spawn(
    cluster.programs.postgres,
    ['-D', cluster.dir, ...options],
    ['ignore', log.fd, log.fd],
  );
  try {
    await once(server, 'spawn');
  } finally {
    await log.close();
  }
  server.unref();
  return becomesReady(await connectionStringOf(cluster, port), async () => server.exitCode !== null);
}

/**
 * Starts PostgreSQL's main process, and waits until it accepts connections.
 * @returns the connection string
 * @throws Error with the end of the log if PostgreSQL ends; Error if it accepts no connections in time
 */
export async function startPostmaster(cluster: Cluster, settings: Readonly<Record<string, string>>): Promise<string> {
  for (let attempt = 1; attempt <= START_ATTEMPTS; attempt += 1) {
    const port = await freePort();
    if (await launch(cluster, settings, port)) return connectionStringOf(cluster, port);
    // Another program may have taken the port in the meantime. The loop tries another port only if PostgreSQL's log says so.
    if (!(await readFile(cluster.logFile, 'utf8')).includes('could not bind')) break;
  }
  throw new Error(`PostgreSQL does not start: ${await lastLines(cluster.logFile)}`);
}

/**
 * Waits until a server that another process has started accepts connections, and returns its connection string. Returns
 * `undefined` if the server has ended instead.
 * @throws Error if the server neither accepts connections nor ends in time
 */
export async function adoptPostmaster(cluster: Cluster, { pid, port }: Postmaster): Promise<string | undefined> {
  const connectionString = await connectionStringOf(cluster, port);
  const isReady = await becomesReady(connectionString, async () => (await processStart(pid)) === undefined);
  return isReady ? connectionString : undefined;
}

/**
 * Ends all sessions and the server, and waits until the server has ended. PostgreSQL calls this a fast shutdown. Does nothing
 * if no server is running.
 * @throws Error if the server does not end within `STOP_TIMEOUT_MS`
 */
export async function stopPostmaster(cluster: Cluster): Promise<void> {
  const postmaster = await findPostmaster(cluster);
  if (postmaster === undefined) return;
  process.kill(postmaster.pid, 'SIGINT');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while ((await processStart(postmaster.pid)) !== undefined) {
    if (Date.now() > deadline) throw new Error(`PostgreSQL (pid ${postmaster.pid}) does not end`);
    await delay(POLL_MS);
  }
}
