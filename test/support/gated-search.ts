import { setTimeout as delay } from 'node:timers/promises';
import { postgresSearch } from '../../src/search/postgres/index.ts';
import type { SearchAdapter, SearchIndex } from '../../src/search/search-index.ts';

type Stage = 'load' | 'finishLoad' | 'write' | 'swap';

export interface GatedSearch {
  readonly adapter: SearchAdapter;
  /** Returns how often a rebuild has reached a stage. */
  readonly reached: (stage: Stage) => number;
  /** Makes rebuilds wait at these stages until `open()` is called. */
  readonly close: (...stages: readonly Stage[]) => void;
  readonly open: () => void;
}

export interface GatedSearchOptions {
  /** Number of documents in a batch. @defaultValue 200 */
  readonly batchSize?: number;
  /** Number of batches that are loaded in parallel. @defaultValue 2 */
  readonly lanes?: number;
  /** Minimum duration of each batch, in ms. @defaultValue 0 */
  readonly batchMs?: number;
}

/** Creates a search index in PostgreSQL that loads small batches. Its rebuilds can be paused. */
export function createGatedSearch(options: GatedSearchOptions = {}): GatedSearch {
  const { batchSize = 200, lanes = 2, batchMs = 0 } = options;
  const counts = new Map<Stage, number>();
  let closed: readonly Stage[] = [];
  const pass = async (stage: Stage): Promise<void> => {
    counts.set(stage, (counts.get(stage) ?? 0) + 1);
    if (stage === 'load') await delay(batchMs);
    while (closed.includes(stage)) await delay(2);
  };
  const adapter: SearchAdapter = (context) => {
    const index: SearchIndex = postgresSearch()(context);
    const { rebuild } = index;
    return {
      ...index,
      batchSize,
      lanes,
      rebuild: {
        ...rebuild,
        load: async (...args) => {
          await pass('load');
          await rebuild.load(...args);
        },
        finishLoad: async (...args) => {
          await pass('finishLoad');
          await rebuild.finishLoad(...args);
        },
        write: async (...args) => {
          await pass('write');
          await rebuild.write(...args);
        },
        swap: async (...args) => {
          await pass('swap');
          await rebuild.swap(...args);
        },
      },
    };
  };
  return {
    adapter,
    reached: (stage) => counts.get(stage) ?? 0,
    close: (...stages) => {
      closed = stages;
    },
    open: () => {
      closed = [];
    },
  };
}
