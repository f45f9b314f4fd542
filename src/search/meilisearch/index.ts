import { z } from 'zod';
import { createReadiness } from '../engine-readiness.ts';
import { INTERACTIVE } from '../retry.ts';
import type { SearchAdapter, SearchIndex, SearchIndexContext } from '../search-index.ts';
import { createClient, ENGINE, isIndexNotFound } from './client.ts';
import { createDocumentWriter } from './document-writer.ts';
import { ensureIndex } from './index-setup.ts';
import { createRebuild } from './rebuild.ts';
import { searchPage } from './search.ts';
import { createTasks } from './tasks.ts';

export interface MeilisearchOptions {
  /** URL of Meilisearch 1.32 or later, such as `http://localhost:7700`. */
  readonly url: string;
  /**
   * A key that allows the actions `search`, `documents.add`, `documents.delete`, `indexes.create`, `indexes.get`,
   * `indexes.delete`, `indexes.swap`, `settings.get`, `settings.update`, `stats.get`, `tasks.get` and `tasks.cancel` on all
   * indexes whose names start with `indexUid`. @defaultValue no key, for a server without a master key
   */
  readonly apiKey?: string;
  /** Name of the index. A reindex uses temporary indexes whose names start with it. @defaultValue `matrix_events` */
  readonly indexUid?: string;
  /** Time limit for one request and its answer, in ms. @defaultValue 30000 */
  readonly timeoutMs?: number;
  /** Wait before the first retry of a failed request, in ms. The wait doubles with each further retry. @defaultValue 200 */
  readonly retryDelayMs?: number;
  /** Maximum size of the documents in one request, in bytes. Meilisearch's default limit is 100 MiB. @defaultValue 16777216 */
  readonly payloadBytes?: number;
}

/**
 * Maximum number of events that a reindex reads and sends in one batch. A small request costs Meilisearch as much as a large
 * one.
 */
const BATCH_SIZE = 10_000;
/** Maximum number of batches that a reindex sends in parallel in one process. Several requests keep Meilisearch busy. */
const LANES = 4;

const optionsSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  apiKey: z.string().min(1).optional(),
  indexUid: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,200}$/)
    .default('matrix_events'),
  timeoutMs: z.int().positive().default(30_000),
  retryDelayMs: z.int().nonnegative().default(200),
  payloadBytes: z
    .int()
    .positive()
    .default(16 * 1024 * 1024),
});

/**
 * Full-text search in Meilisearch. Changes of the index are not part of the caller's database transaction. A homeserver can
 * start while Meilisearch is unavailable, and uses Meilisearch as soon as it is available.
 * @throws Error that names every wrong option
 */
export function meilisearchSearch(options: MeilisearchOptions): SearchAdapter {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) throw new Error(`meilisearchSearch: bad options\n${z.prettifyError(parsed.error)}`);
  const { apiKey, ...config } = parsed.data;
  return (context) => createIndex({ ...config, ...(apiKey === undefined ? {} : { apiKey }) }, context);
}

function createIndex(
  config: Required<Omit<MeilisearchOptions, 'apiKey'>> & { readonly apiKey?: string },
  context: SearchIndexContext,
): SearchIndex {
  const { indexUid, payloadBytes, retryDelayMs } = config;
  const { logger, metrics, analysis } = context;
  const client = createClient({ ...config, metrics });
  const tasks = createTasks(client, metrics);
  const writer = createDocumentWriter({ client, tasks, metrics, analysis, payloadBytes, retryDelayMs });
  const readiness = createReadiness({ engine: ENGINE, name: 'Meilisearch', logger }, () =>
    ensureIndex(client, tasks, indexUid, INTERACTIVE),
  );

  return {
    engine: ENGINE,
    transactional: false,
    batchSize: BATCH_SIZE,
    lanes: LANES,
    start: async () => {
      client.start();
      await readiness.start();
    },
    stop: async () => {
      client.stop();
      readiness.reset();
    },
    write: async (writes) => {
      await readiness.ensure();
      await writer.write(indexUid, writes);
    },
    removeRoom: async (roomId, _limit, version) => {
      await readiness.ensure();
      await writer.write(indexUid, { upserts: [], removals: [], removedRooms: [roomId], version });
      return 0;
    },
    search: async (query) => {
      try {
        return await searchPage(client, indexUid, query, analysis);
      } catch (error) {
        if (!isIndexNotFound(error)) throw error;
        readiness.reset();
        await readiness.ensure();
        return { hits: [], count: 0 };
      }
    },
    stats: async () => {
      const { numberOfDocuments, usedIndexSize, rawDocumentDbSize } = await client.getStats(indexUid);
      // Since version 1.53, Meilisearch reports the size of the whole index. Earlier versions report only the size of the
      // documents.
      return { documents: numberOr0(numberOfDocuments), bytes: numberOr0(usedIndexSize ?? rawDocumentDbSize) };
    },
    rebuild: createRebuild({ client, tasks, writer, indexUid, logger }),
  };
}

function numberOr0(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
