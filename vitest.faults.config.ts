import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/faults/*.faults.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // The output of these tests is not checked for secrets.
    env: {},
    fileParallelism: false,
  },
});
