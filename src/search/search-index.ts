import type { Knex } from 'knex';
import type { Logger } from '../host.ts';
import type { EventId, RoomId } from '../ids.ts';
import type { SearchMetrics } from '../metrics.ts';
import type {
  RebuildRef,
  SearchDocument,
  SearchHit,
  SearchKey,
  SearchOrder,
} from '../storage/plugin/stored-document.ts';
import type { SearchAnalysis } from './analysis/analysis.ts';

export type {
  RebuildRef,
  SearchDocument,
  SearchHit,
  SearchKey,
  SearchOrder,
} from '../storage/plugin/stored-document.ts';

export interface SearchQuery {
  readonly term: string;
  /** Only events in these rooms are found. Room ids are compared byte for byte. An empty list finds nothing. */
  readonly rooms: readonly RoomId[];
  readonly keys: readonly SearchKey[];
  readonly order: SearchOrder;
  /** Number of hits per page. */
  readonly limit: number;
  /** `SearchPage.next` of the previous page. */
  readonly after?: string;
}

export interface SearchPage {
  readonly hits: readonly SearchHit[];
  /** Number of all hits: exact, or an estimate of the engine. */
  readonly count: number;
  /** Cursor of the next page. Absent on the last page. */
  readonly next?: string;
}

export interface SearchStats {
  readonly documents: number;
  readonly bytes: number;
}

/** Documents to add or replace, and events whose documents to remove. */
export interface SearchWrites {
  readonly upserts: readonly SearchDocument[];
  readonly removals: readonly EventId[];
  /** Rooms whose documents are all removed, because the room became encrypted or was purged. */
  readonly removedRooms: readonly RoomId[];
}

/**
 * A shadow of the index. The old index answers searches while the shadow is filled; then the shadow replaces it. All methods
 * are idempotent, because a resumed job calls them again.
 */
export interface SearchRebuild {
  /** Creates the empty shadow and returns its marker. Keeps an existing shadow of the same rebuild. */
  begin(rebuildId: string): Promise<string>;
  /**
   * Adds documents in bulk, each exactly once. `commit` runs its callback in the transaction that also records the batch as
   * done. An index in PostgreSQL writes in the callback. Other engines call `commit` when the documents are durable.
   */
  load(
    rebuild: RebuildRef,
    documents: readonly SearchDocument[],
    commit: (write: (transaction: Knex.Transaction) => Promise<void>) => Promise<void>,
  ): Promise<void>;
  /** Builds parts that are cheaper to build after all documents are loaded, such as database indexes. */
  finishLoad(rebuild: RebuildRef): Promise<void>;
  /** Applies changes made during the rebuild. Like `SearchIndex.write`, but to the shadow. */
  write(rebuild: RebuildRef, writes: SearchWrites, transaction?: Knex.Transaction): Promise<void>;
  /**
   * Replaces the index with the shadow, atomically for readers, and drops the old content. `transaction` also records the
   * swap. Does nothing if the swap was done before.
   */
  swap(rebuild: RebuildRef, transaction: Knex.Transaction): Promise<void>;
  /** Drops the shadow, if it exists. */
  abort(rebuildId: string): Promise<void>;
}

/** A full-text index of one homeserver's events. */
export interface SearchIndex {
  /** The engine's name in metrics and logs. */
  readonly engine: string;
  /**
   * Whether `write` takes part in the caller's transaction. If not, changes are queued in PostgreSQL and
   * delivered after the commit.
   */
  readonly transactional: boolean;
  /** Number of rows of `syncapi_output_room_events` that one batch of a rebuild reads. */
  readonly batchSize: number;
  /** Number of batches that one process loads in parallel. */
  readonly lanes: number;
  /** Creates the index if it is missing. Fails if the engine is unusable. */
  start(): Promise<void>;
  /** Ends running requests. */
  stop(): Promise<void>;
  /**
   * Applies changes. A transactional index writes in the caller's transaction. Other indexes write durably before the call
   * returns.
   */
  write(writes: SearchWrites, transaction?: Knex.Transaction): Promise<void>;
  /**
   * Removes documents of a room. A transactional index removes at least `limit` in the caller's transaction, or all; other
   * indexes remove all of them durably. Returns the number of removed documents. A number below `limit` means that no documents
   * are left.
   */
  removeRoom(roomId: RoomId, limit: number, transaction?: Knex.Transaction): Promise<number>;
  search(query: SearchQuery): Promise<SearchPage>;
  stats(): Promise<SearchStats>;
  readonly rebuild: SearchRebuild;
}

/** The objects that the plugin provides to an adapter. */
export interface SearchIndexContext {
  readonly db: Knex;
  readonly logger: Logger;
  readonly metrics: SearchMetrics;
  /** Turns texts and queries into lexemes. All engines use it, so that all engines find the same events. */
  readonly analysis: SearchAnalysis;
}

/** `options.search`: creates the `SearchIndex` when the plugin is created. */
export type SearchAdapter = (context: SearchIndexContext) => SearchIndex;
