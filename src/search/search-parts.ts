import type { Knex } from 'knex';
import { describeError } from '../errors.ts';
import type { ApplyEvents, Logger } from '../host.ts';
import type { Metrics } from '../metrics.ts';
import { countUndelivered, ensureIndexState, indexState } from '../storage/plugin/search-changes.ts';
import { createAnalysis } from './analysis/analysis.ts';
import type { LanguageCode } from './analysis/languages.ts';
import { createDelivery } from './delivery.ts';
import { createReindex, type Reindex } from './reindex-job.ts';
import { createRoomRemoval, type RoomRemoval } from './room-removal.ts';
import { createSearch, disabledSearch, type RemoveDocuments, type Search } from './search.ts';
import type { SearchAdapter, SearchIndex, SearchStats } from './search-index.ts';

/** How long metrics reuse the measured size of an index, in ms, because measuring takes time. */
const STATS_FRESHNESS_MS = 30_000;

/** The state of the search index. */
export interface SearchStatus {
  /** The name of the search engine, such as `postgres`. */
  readonly engine: string;
  /** Number of documents in the index. `null` if the engine does not answer. */
  readonly documents: number | null;
  /** Size of the index on disk, in bytes. `null` if the engine does not answer. */
  readonly bytes: number | null;
  /** Number of changes that wait for delivery to the engine. Always 0 if the engine is PostgreSQL. */
  readonly waiting: number;
  /** When a reindex last succeeded, in ms since the epoch. `null` if none has succeeded. */
  readonly lastRebuildTs: number | null;
  /**
   * Whether the index needs a reindex, because it was or may have been written with another text analysis or for other
   * languages.
   */
  readonly isOutdated: boolean;
  /**
   * `ok`: searches work. `degraded`: searches work, but something is wrong, for example a copy of the index is missing.
   * `failed`: searches fail.
   */
  readonly health: 'ok' | 'degraded' | 'failed';
  /** What is wrong with the index. `null` if nothing is wrong. */
  readonly problem: string | null;
}

/** The parts of the plugin that belong to search. */
export interface SearchParts {
  readonly search: Search;
  /** Updates the index for events that were written. */
  readonly apply: ApplyEvents;
  readonly remove: RemoveDocuments;
  /** `undefined` if search is off. */
  readonly reindex: Reindex | undefined;
  /** Reads the state of the index. `undefined` if search is off. */
  readonly readStatus: (() => Promise<SearchStatus>) | undefined;
  readonly roomRemoval: RoomRemoval;
  readonly start: () => Promise<void>;
  /** Tells whether the index needs a reindex, as `SearchStatus.isOutdated` does. Always `false` if search is off. */
  readonly isOutdated: () => Promise<boolean>;
  readonly stop: () => Promise<void>;
}

interface SearchSettings {
  readonly languages: readonly LanguageCode[] | undefined;
  readonly db: Knex;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How often an idle process looks for changes to deliver to the engine, in ms. */
  readonly pollIntervalMs: number;
  /**
   * How long a process may load a range of a reindex without renewing its lease, in ms. Another process takes over a range
   * whose lease has expired.
   */
  readonly leaseMs: number;
  /** Maximum number of database connections that a reindex uses at once in this process. */
  readonly connections: number;
}

const DISABLED: SearchParts = {
  search: disabledSearch,
  apply: async () => {},
  remove: async () => {},
  reindex: undefined,
  readStatus: undefined,
  roomRemoval: { kind: 'none' },
  start: async () => {},
  isOutdated: async () => false,
  stop: async () => {},
};

/** Creates the search index of `options.search` and the parts that write to it. The adapter `false` switches search off. */
export function createSearchParts(adapter: SearchAdapter | false, settings: SearchSettings): SearchParts {
  if (adapter === false) return DISABLED;
  const { db, logger, metrics, languages, pollIntervalMs, leaseMs, connections } = settings;
  const analysis = createAnalysis(languages);
  const index = adapter({ db, logger, metrics, analysis });
  const delivery = index.transactional ? undefined : createDelivery({ db, index, logger, pollIntervalMs });
  const reindex = createReindex({
    db,
    index,
    analysis,
    metrics,
    delivery,
    leaseMs,
    connections,
  });
  reportIndex(settings, index);
  const { apply, remove, ...search } = createSearch(db, index, analysis, delivery);
  return {
    search,
    apply,
    remove,
    reindex,
    readStatus: async () => {
      const state = await indexState(db, index.engine);
      const { problem, ...stats } = await measure(index, logger);
      return {
        engine: index.engine,
        documents: stats.documents ?? null,
        bytes: stats.bytes ?? null,
        waiting: await countUndelivered(db, index.engine),
        lastRebuildTs: state.lastRebuildAt ?? null,
        isOutdated: state.analysis !== analysis.id,
        health: problem?.status ?? 'ok',
        problem: problem?.reason ?? null,
      };
    },
    roomRemoval: createRoomRemoval(db, index, delivery),
    start: async () => {
      await ensureIndexState(db, index.engine, analysis.id);
      await index.start();
      delivery?.start();
    },
    isOutdated: async () => (await indexState(db, index.engine)).analysis !== analysis.id,
    stop: async () => {
      await index.stop();
      await delivery?.stop();
    },
  };
}

function reportIndex({ db, logger, metrics }: SearchSettings, index: SearchIndex): void {
  const { engine } = index;
  metrics.searchErrors.inc({ engine }, 0);
  metrics.searchDocumentsIndexed.inc({ engine }, 0);
  let measuredAt = 0;
  metrics.onScrape(async () => {
    const { lastRebuildAt } = await indexState(db, engine);
    if (lastRebuildAt !== undefined) metrics.searchLastRebuild.set({ engine }, lastRebuildAt / 1_000);
    metrics.searchQueueDepth.set({ engine }, await countUndelivered(db, engine));
    if (Date.now() - measuredAt < STATS_FRESHNESS_MS) return;
    measuredAt = Date.now();
    const { documents, bytes, problem } = await measure(index, logger);
    metrics.searchHealth.set({ engine }, problem === undefined ? 1 : problem.status === 'degraded' ? 0.5 : 0);
    if (documents !== undefined) metrics.searchIndexDocuments.set({ engine }, documents);
    if (bytes !== undefined) metrics.searchIndexBytes.set({ engine }, bytes);
  });
}

/**
 * Measures the index. Returns only a problem and logs a warning if the engine does not answer, because the host's metrics page
 * must work even if the search engine is unavailable.
 */
async function measure(index: SearchIndex, logger: Logger): Promise<Partial<SearchStats>> {
  try {
    return await index.stats();
  } catch (error) {
    const reason = describeError(error);
    logger.warn({ error: reason }, 'Could not measure the search index');
    return { problem: { status: 'failed', reason } };
  }
}
