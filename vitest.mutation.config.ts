import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The first failure decides about a mutant, so the quickest tests run first. */
class QuickestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toReversed();
  }
}

export default defineConfig({
  test: {
    // Chosen by `stryker.config.mjs`.
    include: process.env.MUTATION_TESTS?.split(' ') ?? [],
    isolate: false,
    sequence: { sequencer: QuickestFirst },
    // None of these tests starts the homeserver as a process. A short wait detects a mutant that hangs.
    env: { DIST_IS_BUILT: '1', TEST_WAIT_MS: '6000' },
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/few-examples.ts'],
    expect: { poll: { timeout: 6_000 } },
    testTimeout: 12_000,
    hookTimeout: 12_000,
  },
});
