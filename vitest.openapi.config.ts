import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/openapi/*.openapi.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // The output of these tests is not checked for secrets.
    env: {},
    // These tests install packages.
    testTimeout: 1_800_000,
    hookTimeout: 600_000,
  },
});
