import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/opensearch/*.opensearch.ts'],
    globalSetup: ['test/support/opensearch/download.ts', 'test/support/global-setup.ts'],
    // The output of these tests is not checked for secrets.
    env: {},
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 90_000, interval: 100 } },
  },
});
