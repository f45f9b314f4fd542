import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/clients/*.clients.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // The output of these tests is not checked for secrets.
    env: {},
    // Clients answer to each other, and each command starts a program.
    expect: { poll: { timeout: 30_000 } },
    // Clients log much.
    silent: 'passed-only',
    // These tests install packages.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
});
