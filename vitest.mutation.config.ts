import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The first failure ends a mutant, so the quickest tests come first. */
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
    // No test of these starts the homeserver as a process of its own. A mutant that waits for ever is found soon.
    env: { DIST_IS_BUILT: '1', TEST_WAIT_MS: '6000' },
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/few-examples.ts'],
    expect: { poll: { timeout: 6_000 } },
    testTimeout: 12_000,
    hookTimeout: 12_000,
  },
});
