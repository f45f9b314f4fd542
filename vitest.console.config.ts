import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/console/*.chromium.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // The output of these tests is not checked for secrets.
    env: {},
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
