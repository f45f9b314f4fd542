import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/reference-host/embedded-postgres.ts';
import { makeScratchDirectory } from './scratch-directory.ts';
import { createTemplates, dropDatabases, type TestDatabases } from './test-databases.ts';

declare module 'vitest' {
  interface ProvidedContext {
    databases: TestDatabases;
  }
}

/** Nothing of a test run must outlive a power cut. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '200',
};

interface Server {
  readonly admin: string;
  readonly stop: () => Promise<void>;
}

async function startServer(): Promise<Server> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined && given !== '') return { admin: given, stop: async () => undefined };
  const dataDir = await makeScratchDirectory('koa-matrix-admin-test-');
  const remove = () => rm(dataDir, { recursive: true, force: true });
  try {
    const postgres = await startEmbeddedPostgres({ dataDir, settings: SETTINGS });
    const stop = async (): Promise<void> => {
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

/** Tests start the homeserver as a process of its own, from `dist`. `DIST_IS_BUILT=1` skips this. */
async function build(): Promise<void> {
  if (process.env['DIST_IS_BUILT'] === '1') return;
  const tsc = 'node_modules/typescript/bin/tsc';
  await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.build.json']).catch((error: { stdout: string }) => {
    throw new Error(`the build failed:\n${error.stdout}`);
  });
}

/** Builds the package and starts one PostgreSQL for the whole run; the function it returns removes everything. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await build();
  const { TEST_OUTPUT_DIRECTORY: output } = project.config.env;
  if (output !== undefined) await mkdir(output, { recursive: true });
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
