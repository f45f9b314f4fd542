import { z } from 'zod';
import type { SearchAdapter, SearchIndex, SearchIndexContext } from '../search-index.ts';
import { createClient, ENGINE } from './client.ts';
import { createDocumentWriter } from './document-writer.ts';
import { type EngineError, isIndexNotFound, toEngineError } from './engine-error.ts';
import { ensureIndex } from './index-setup.ts';
import { createRebuild } from './rebuild.ts';
import { INTERACTIVE } from './retry.ts';
import { searchPage } from './search.ts';
import { createTasks } from './tasks.ts';

export interface MeilisearchOptions {
  /** Where Meilisearch 1.32 or later listens, `http://localhost:7700` for one. */
  readonly url: string;
  /**
   * A key with the actions `search`, `documents.add`, `documents.delete`, `indexes.create`, `indexes.get`,
   * `indexes.delete`, `indexes.swap`, `settings.get`, `settings.update`, `stats.get`, `tasks.get` and `tasks.cancel` on
   * the indexes whose names start with `indexUid`. @defaultValue none, for a server without a master key
   */
  readonly apiKey?: string;
  /** Name of the index; rebuilds use names that start with it. @defaultValue `matrix_events` */
  readonly indexUid?: string;
  /** Limit for one request and its answer, in ms. @defaultValue 30000 */
  readonly timeoutMs?: number;
  /** First wait before a failed request is sent again, in ms; doubles with each attempt. @defaultValue 200 */
  readonly retryDelayMs?: number;
  /** Largest payload of documents, in bytes; the server's own limit is 100 MiB unless told otherwise. @defaultValue 16777216 */
  readonly payloadBytes?: number;
}

/** Documents of one payload. Small ones cost the engine as much as large ones. */
const BATCH_SIZE = 10_000;
/** Payloads that one process has under way, so that the engine is never idle. */
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
 * Full-text search in Meilisearch. Writes are not part of the caller's transaction; a homeserver starts without its
 * search engine, and uses it as soon as it is there.
 *
 * @throws Error that names every option that is wrong
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
  const { logger, metrics } = context;
  const client = createClient({ ...config, metrics });
  const tasks = createTasks(client, metrics);
  const writer = createDocumentWriter({ client, tasks, metrics, payloadBytes, retryDelayMs });
  let ready: Promise<unknown> | undefined;

  /** Makes the index once; after a failure, tries again at the next call. */
  const ensureReady = async (): Promise<void> => {
    ready ??= ensureIndex(client, tasks, indexUid, INTERACTIVE);
    try {
      await ready;
    } catch (error) {
      ready = undefined;
      throw error;
    }
  };

  return {
    engine: ENGINE,
    transactional: false,
    batchSize: BATCH_SIZE,
    lanes: LANES,
    start: async () => {
      client.start();
      try {
        await ensureReady();
      } catch (thrown) {
        const error = toEngineError(thrown);
        if (isRefusal(error)) throw error;
        logger.warn(
          { engine: ENGINE, error: error.message },
          'Meilisearch is not there; will try again when it is needed',
        );
      }
    },
    stop: async () => {
      client.stop();
      ready = undefined;
    },
    write: async (writes) => {
      await ensureReady();
      await writer.write(indexUid, writes);
    },
    removeRoom: async (roomId) => {
      await ensureReady();
      await writer.write(indexUid, { upserts: [], removals: [], removedRooms: [roomId] });
      return 0;
    },
    search: async (query) => {
      try {
        return await searchPage(client, indexUid, query);
      } catch (error) {
        if (!isIndexNotFound(error)) throw error;
        ready = undefined;
        await ensureReady();
        return { hits: [], count: 0 };
      }
    },
    stats: async () => {
      const { numberOfDocuments, usedIndexSize, rawDocumentDbSize } = await client.getStats(indexUid);
      // The size of a whole index is told since 1.53.
      return { documents: numberOr0(numberOfDocuments), bytes: numberOr0(usedIndexSize ?? rawDocumentDbSize) };
    },
    rebuild: createRebuild({ client, tasks, writer, indexUid, logger }),
  };
}

/** A wrong key or address stays wrong: better to say so at once. */
function isRefusal({ status }: EngineError): boolean {
  return status === 401 || status === 403 || status === 404;
}

function numberOr0(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
