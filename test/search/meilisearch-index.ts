import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { Registry } from 'prom-client';
import type { EventId, RoomId, UserId } from '../../src/ids.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createAnalysis } from '../../src/search/analysis/analysis.ts';
import { type MeilisearchOptions, meilisearchSearch } from '../../src/search/meilisearch/index.ts';
import type { SearchDocument, SearchIndex } from '../../src/search/search-index.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';

const ROOM = '!room:example.org' as RoomId;

/**
 * The transaction that tests pass to the adapter. The adapter never uses it, because Meilisearch takes no part in transactions.
 */
export const NO_TRANSACTION = {} as Knex.Transaction;

export interface MeilisearchIndex {
  readonly index: SearchIndex;
  readonly indexUid: string;
  readonly logs: ReturnType<typeof createCapturedLogger>;
  /** Returns the adapter's metrics, as a scrape shows them. */
  readonly scrape: () => Promise<string>;
  readonly find: (term: string) => Promise<string[]>;
}

/** Creates an adapter with a separate index and short waits. The adapter is not started yet. */
export function createMeilisearchIndex(options: MeilisearchOptions): MeilisearchIndex {
  const indexUid = options.indexUid ?? `test_${randomUUID()}`;
  const logs = createCapturedLogger();
  const registry = new Registry();
  const metrics = createMetrics(registry);
  const adapter = meilisearchSearch({ timeoutMs: 5_000, retryDelayMs: 2, ...options, indexUid });
  const index = adapter({ db: {} as Knex, logger: logs, metrics, analysis: createAnalysis() });
  return {
    index,
    indexUid,
    logs,
    scrape: () => registry.metrics(),
    find: async (term) => {
      const page = await index.search({ term, rooms: [ROOM], keys: ['content.body'], order: 'recent', limit: 1_000 });
      return page.hits.map(({ text }) => text);
    },
  };
}

export function documentOf(streamPosition: number, text: string): SearchDocument {
  return {
    eventId: `$event${streamPosition}:example.org` as EventId,
    roomId: ROOM,
    sender: '@alice:example.org' as UserId,
    streamPosition,
    key: 'content.body',
    text,
  };
}

/** Makes changes that only add documents. */
export const adding = (...documents: readonly SearchDocument[]) => ({
  upserts: documents,
  removals: [],
  removedRooms: [],
  version: 0,
});
