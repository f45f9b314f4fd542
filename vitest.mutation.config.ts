import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Chosen by `stryker.config.mjs`.
    include: process.env.MUTATION_TESTS?.split(' ') ?? [],
    isolate: false,
    // No test of these starts the homeserver as a process of its own.
    env: { DIST_IS_BUILT: '1' },
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/few-examples.ts'],
    expect: { poll: { timeout: 10_000 } },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
