import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // Files of one worker share their imports, which hold no state of their own.
    isolate: false,
    // One more than there are processors: tests of leases and restarts wait most of their time.
    maxWorkers: 3,
    // How long conditions are waited for on a machine that has other things to do.
    expect: { poll: { timeout: 10_000 } },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
