import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/monitoring/*.prometheus.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // The output of these tests is not checked for secrets.
    env: {},
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 60_000, interval: 500 } },
  },
});
