import { type IndexObject, Meilisearch, type SearchParams, type Settings, type Task } from 'meilisearch';
import type { SearchMetrics } from '../../metrics.ts';
import { EngineError } from '../engine-error.ts';
import { INTERACTIVE, ONCE, PATIENT, type RetryPolicy, retrying } from '../retry.ts';
import { createExchange } from './exchange.ts';

/** The engine's name in metrics and logs. */
export const ENGINE = 'meilisearch';

export interface ClientOptions {
  readonly url: string;
  readonly apiKey?: string;
  /** Time limit for one request and its answer, in ms. */
  readonly timeoutMs: number;
  /** Wait before the first retry of a request, in ms. The wait doubles with each further retry. */
  readonly retryDelayMs: number;
  readonly metrics: SearchMetrics;
}

export interface EngineHits {
  readonly hits: readonly Record<string, unknown>[];
  readonly estimatedTotalHits: number;
}

/** The conditions for tasks to list. A task is Meilisearch's record of a write. Meilisearch does writes later, in order. */
export interface TaskQuery {
  readonly uids?: number[];
  readonly indexUids?: string[];
  readonly statuses?: ('enqueued' | 'processing')[];
  readonly limit: number;
}

/**
 * The requests that the adapter sends to Meilisearch. A method that writes returns the uid of Meilisearch's task for the write.
 * Each method sends its request again as its retry policy says, and throws the last `EngineError` when the policy gives up.
 */
export interface EngineClient {
  /** Returns `undefined` if the index does not exist. @param policy @defaultValue `PATIENT` */
  readonly getIndex: (indexUid: string, policy?: RetryPolicy) => Promise<IndexObject | undefined>;
  readonly createIndex: (indexUid: string) => Promise<number>;
  readonly deleteIndex: (indexUid: string) => Promise<number>;
  readonly getSettings: (indexUid: string) => Promise<Settings>;
  readonly updateSettings: (indexUid: string, settings: Settings) => Promise<number>;
  /** Adds or replaces documents. `ndjson` has one document in JSON on each line. */
  readonly addDocuments: (indexUid: string, ndjson: string) => Promise<number>;
  readonly deleteDocuments: (indexUid: string, ids: string[]) => Promise<number>;
  /** Deletes the documents that match a filter. */
  readonly deleteMatching: (indexUid: string, filter: string) => Promise<number>;
  readonly search: (indexUid: string, query: string, params: SearchParams) => Promise<EngineHits>;
  readonly getStats: (indexUid: string) => Promise<Partial<Record<string, unknown>>>;
  readonly listTasks: (query: TaskQuery) => Promise<readonly Task[]>;
  /** Asks Meilisearch to cancel all unfinished tasks of an index. Does not wait until they are cancelled. */
  readonly cancelTasks: (indexUid: string) => Promise<void>;
  /** Swaps the content of two indexes. Sends the request only once, because a second swap would undo the first. */
  readonly swapIndexes: (one: string, other: string) => Promise<number>;
  /** A signal that `stop()` aborts. After the next `start()`, this is a new signal. */
  readonly signal: AbortSignal;
  /** Makes the client usable again after `stop()`. */
  readonly start: () => void;
  readonly stop: () => void;
}

export function createClient({ url, apiKey, timeoutMs, retryDelayMs, metrics }: ClientOptions): EngineClient {
  let stopping = new AbortController();
  const exchange = createExchange(timeoutMs);
  const engine = { engine: ENGINE };
  const meilisearch = new Meilisearch({
    host: url,
    ...(apiKey === undefined ? {} : { apiKey }),
    // `httpClient` is deprecated, but no other option gives a reliable time-out. The peer dependency excludes versions of the
    // package without this option.
    // oxlint-disable-next-line typescript/no-deprecated
    httpClient: async (input, init) => {
      if (stopping.signal.aborted) throw new EngineError('stopped', 'the search index was stopped');
      metrics.searchRequests.inc(engine);
      return exchange
        .send(input instanceof Request ? input.url : input.toString(), init ?? {})
        .catch((error: unknown) => {
          metrics.searchErrors.inc(engine);
          throw error;
        });
    },
  });
  const run = <T>(policy: RetryPolicy, work: () => Promise<T>): Promise<T> =>
    retrying(policy, { baseDelayMs: retryDelayMs, signal: stopping.signal }, work);
  const enqueue = async (work: () => Promise<{ taskUid: number }>, policy = PATIENT): Promise<number> =>
    (await run(policy, work)).taskUid;

  return {
    getIndex: (indexUid, policy = PATIENT) =>
      run(policy, () => meilisearch.getRawIndex(indexUid)).catch((error: unknown) => {
        if (isIndexNotFound(error)) return undefined;
        throw error;
      }),
    createIndex: (indexUid) => enqueue(() => meilisearch.createIndex(indexUid, { primaryKey: 'id' })),
    deleteIndex: (indexUid) => enqueue(() => meilisearch.deleteIndex(indexUid)),
    getSettings: (indexUid) => run(PATIENT, () => meilisearch.index(indexUid).getSettings()),
    updateSettings: (indexUid, settings) => enqueue(() => meilisearch.index(indexUid).updateSettings(settings)),
    addDocuments: (indexUid, ndjson) =>
      enqueue(() =>
        meilisearch.index(indexUid).addDocumentsFromString(ndjson, 'application/x-ndjson', { primaryKey: 'id' }),
      ),
    deleteDocuments: (indexUid, ids) => enqueue(() => meilisearch.index(indexUid).deleteDocuments(ids)),
    deleteMatching: (indexUid, filter) => enqueue(() => meilisearch.index(indexUid).deleteDocuments({ filter })),
    search: (indexUid, query, params) => run(INTERACTIVE, () => meilisearch.index(indexUid).search(query, params)),
    getStats: async (indexUid) => ({ ...(await run(INTERACTIVE, () => meilisearch.index(indexUid).getStats())) }),
    listTasks: async (query) => (await run(PATIENT, () => meilisearch.tasks.getTasks({ ...query }))).results,
    cancelTasks: async (indexUid) => {
      await enqueue(() => meilisearch.tasks.cancelTasks({ indexUids: [indexUid] }));
    },
    swapIndexes: (one, other) =>
      enqueue(() => meilisearch.swapIndexes([{ indexes: [one, other], rename: false }]), ONCE),
    get signal() {
      return stopping.signal;
    },
    start: () => {
      if (stopping.signal.aborted) stopping = new AbortController();
    },
    stop: () => {
      stopping.abort();
      exchange.stop();
    },
  };
}

/** Tells whether Meilisearch answered that the index does not exist. */
export function isIndexNotFound(thrown: unknown): boolean {
  return thrown instanceof EngineError && thrown.code === 'index_not_found';
}
