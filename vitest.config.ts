import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** What all other tests made the software put out is looked at when they have run. */
const LAST = 'test/no-secrets-in-output.test.ts';

export default defineConfig({
  // Examples import the package by its name. Most tests run them on the source.
  resolve: { alias: [{ find: /^koa-matrix-admin$/, replacement: new URL('src/index.ts', import.meta.url).pathname }] },
  test: {
    pool: 'forks',
    // Files of one worker share their imports, which hold no state of their own.
    isolate: false,
    // One more than there are processors: tests of leases and restarts wait most of their time.
    maxWorkers: 3,
    // How long conditions are waited for on a machine that has other things to do.
    expect: { poll: { timeout: 10_000 } },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Made and removed by the global set-up.
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
