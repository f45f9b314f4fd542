import { expectationsContract } from './search-index-contract/finding.ts';
import { type IndexTest, type IndexUnderTest, type TestRunner, testedBy } from './search-index-contract/harness.ts';
import { hostileContract } from './search-index-contract/hostile.ts';
import { isolationContract } from './search-index-contract/isolation.ts';
import { languagesContract } from './search-index-contract/languages.ts';
import { matchingContract } from './search-index-contract/matching.ts';
import { pagingContract } from './search-index-contract/paging.ts';
import { rebuildingContract } from './search-index-contract/rebuilding.ts';
import { writingContract } from './search-index-contract/writing.ts';

export type { IndexUnderTest } from './search-index-contract/harness.ts';

export interface SearchIndexContractOptions extends TestRunner {
  /** Creates an empty index. The contract calls this function once for each test. */
  readonly makeIndex: () => Promise<IndexUnderTest>;
  /**
   * How many times to repeat the tests with random changes or generated search terms. Each repetition uses other changes and
   * terms. 100 repetitions try 10,000 generated terms. @defaultValue 1
   */
  readonly runs?: number;
}

const PARTS: Readonly<Record<string, (test: IndexTest, runs: number) => void>> = {
  writing: writingContract,
  matching: matchingContract,
  finding: expectationsContract,
  languages: languagesContract,
  paging: pagingContract,
  'rebuilding the index': rebuildingContract,
  isolation: isolationContract,
  'hostile input': hostileContract,
};

/**
 * Defines tests for a `SearchIndex`. Authors of search adapters run these tests to check that an index does what the plugin
 * requires. The tests run in any test runner that has `describe` and `it`. A test that fails throws an `AssertionError`.
 */
export function searchIndexContract({ describe, it, makeIndex, runs = 1 }: SearchIndexContractOptions): void {
  const test: IndexTest = (name, body) => {
    it(name, async () => {
      const made = await makeIndex();
      try {
        await body(testedBy(made));
      } finally {
        await made.close();
      }
    });
  };
  for (const [name, part] of Object.entries(PARTS)) describe(name, () => part(test, runs));
}
