import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/reference-host/embedded-postgres.ts';
import { makeScratchDirectory } from './scratch-directory.ts';
import { createTemplates, dropDatabases, type TestDatabases, withAdmin } from './test-databases.ts';

declare module 'vitest' {
  interface ProvidedContext {
    databases: TestDatabases;
  }
}

/** Settings of the PostgreSQL server. The data of a test run need not survive a power failure, so they favour speed. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '200',
  // With the default of 4096 iterations, the hashing of passwords takes most of the time of a new connection.
  // The driver of Dendrite refuses numbers with fewer than four digits.
  scram_iterations: process.env['DENDRITE_BIN'] === undefined ? '1' : '1000',
  // No test waits for autovacuum, which would visit each of the many small databases.
  autovacuum: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  // CREATE DATABASE makes checkpoints enough.
  checkpoint_timeout: '1h',
  max_wal_size: '4GB',
};

interface Server {
  readonly admin: string;
  readonly stop: () => Promise<void>;
}

/** Stores the superuser's password with the `scram_iterations` of `SETTINGS`. `initdb` has stored it with the default. */
async function storePasswordAgain(connectionString: string): Promise<void> {
  const { username, password } = new URL(connectionString);
  await withAdmin(connectionString, (client) =>
    client.query(`ALTER ROLE ${client.escapeIdentifier(username)} PASSWORD ${client.escapeLiteral(password)}`),
  );
}

async function startServer(): Promise<Server> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined && given !== '') return { admin: given, stop: async () => undefined };
  const dataDir = await makeScratchDirectory('koa-matrix-admin-test-');
  const remove = () => rm(dataDir, { recursive: true, force: true });
  const stopAtExit = (): void => removeServer(dataDir);
  process.on('exit', stopAtExit);
  try {
    const postgres = await startEmbeddedPostgres({ dataDir, settings: SETTINGS });
    await storePasswordAgain(postgres.connectionString);
    const stop = async (): Promise<void> => {
      process.off('exit', stopAtExit);
      try {
        await postgres.stop();
      } finally {
        await remove();
      }
    };
    return { admin: postgres.connectionString, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Stops a PostgreSQL server at once and removes its data. It is called after an interrupted run. */
function removeServer(dataDir: string): void {
  const file = join(dataDir, 'cluster', 'postmaster.pid');
  const pause = new Int32Array(new SharedArrayBuffer(4));
  // The server may just have been started, and may not have written the file yet.
  for (let attempt = 0; attempt < 20 && !existsSync(file); attempt += 1) Atomics.wait(pause, 0, 0, 50);
  try {
    // A server that is still starting ignores the first signals. When the server ends, it removes the file.
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const [pid] = readFileSync(file, 'utf8').split('\n');
      // SIGQUIT makes PostgreSQL end at once, with its child processes.
      process.kill(Number(pid), 'SIGQUIT');
      Atomics.wait(pause, 0, 0, 50);
    }
  } catch {
    // The pid file no longer exists, because the server has ended.
  }
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

/** Adds handlers for signals. Without them, a signal would end the process before it has cleaned up. */
function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
}

/** Builds `dist`, because tests start the homeserver as a process from it. `DIST_IS_BUILT=1` skips the build. */
async function build(): Promise<void> {
  if (process.env['DIST_IS_BUILT'] === '1') return;
  await promisify(execFile)('npm', ['run', '--silent', 'build:source']).catch((error: { stdout: string }) => {
    throw new Error(`the build failed:\n${error.stdout}`);
  });
}

/**
 * Builds `dist`, and starts one PostgreSQL server for the whole test run. @returns a function that removes everything but `dist`
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // If one of the two fails, the run ends, and the handler of `exit` removes the server.
  const [teardown] = await Promise.all([setUpDatabases(project), build()]);
  return teardown;
}

/** Starts the server, creates the templates, and lends them to the tests. @returns a function that removes them */
async function setUpDatabases(project: TestProject): Promise<() => Promise<void>> {
  const { TEST_OUTPUT_DIRECTORY: output } = project.config.env;
  if (output !== undefined) await mkdir(output, { recursive: true });
  exitOnSignals();
  const server = await startServer();
  const databases = { admin: server.admin, prefix: `matrix_admin_test_${randomBytes(6).toString('hex')}` };
  const teardown = async (): Promise<void> => {
    try {
      await dropDatabases(databases);
    } finally {
      await server.stop();
      if (output !== undefined) await rm(output, { recursive: true });
    }
  };
  try {
    await createTemplates(databases);
  } catch (error) {
    await teardown();
    throw error;
  }
  project.provide('databases', databases);
  return teardown;
}
