import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/cli/*.cli.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // The output of these tests is not checked for secrets afterwards. One of them searches it itself.
    env: {},
    // The tests measure times, and type into terminals.
    fileParallelism: false,
    expect: { poll: { timeout: 20_000 } },
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
