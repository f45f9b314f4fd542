import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { Registry } from 'prom-client';
import { createMetrics } from '../../src/metrics.ts';
import { createAnalysis } from '../../src/search/analysis/analysis.ts';
import { type OpenSearchOptions, opensearchSearch } from '../../src/search/opensearch/index.ts';
import type { SearchIndex } from '../../src/search/search-index.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';

/** The transaction that tests pass to the adapter. The adapter never uses it, because OpenSearch takes no part in transactions. */
export const NO_TRANSACTION = {} as Knex.Transaction;

export interface OpenSearchIndex {
  readonly index: SearchIndex;
  /** The alias of the live index. */
  readonly alias: string;
  readonly logs: ReturnType<typeof createCapturedLogger>;
}

/** Creates an adapter with a separate index and short waits. The adapter is not started yet. */
export function createOpenSearchIndex(options: OpenSearchOptions): OpenSearchIndex {
  const alias = options.index ?? `test_${randomUUID()}`;
  const logs = createCapturedLogger();
  const adapter = opensearchSearch({ retryDelayMs: 50, ...options, index: alias });
  const metrics = createMetrics(new Registry());
  return { index: adapter({ db: {} as Knex, logger: logs, metrics, analysis: createAnalysis() }), alias, logs };
}
