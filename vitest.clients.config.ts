import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/clients/*.clients.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // What they put out is not looked at.
    env: {},
    // They install things.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
});
