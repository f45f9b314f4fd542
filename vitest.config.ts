import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Checks the output of all other tests, so it runs last. */
const LAST = 'test/no-secrets-in-output.test.ts';

export default defineConfig({
  // Examples import the package by its name. Most tests run the examples on the source.
  resolve: { alias: [{ find: /^koa-matrix-admin$/, replacement: new URL('src/index.ts', import.meta.url).pathname }] },
  test: {
    pool: 'forks',
    // Test files of one worker share their imports, because no module holds state.
    isolate: false,
    // One more than the number of processors, because tests of leases and restarts mostly wait.
    maxWorkers: 3,
    // Time limit for conditions on a busy machine.
    expect: { poll: { timeout: 10_000 } },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // The global set-up creates and removes this directory.
    env: { TEST_OUTPUT_DIRECTORY: join(tmpdir(), `koa-matrix-admin-output-${process.pid}`) },
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: [LAST],
          globalSetup: ['test/support/global-setup.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'output', include: [LAST], sequence: { groupOrder: 1 } } },
    ],
  },
});
