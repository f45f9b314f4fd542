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
  /** Maximum number of hits per page. */
  readonly limit: number;
  /** `SearchPage.next` of the previous page. */
  readonly after?: string;
}

export interface SearchPage {
  readonly hits: readonly SearchHit[];
  /** Number of all hits. Depending on the engine, the number is exact or an estimate. */
  readonly count: number;
  /** Cursor of the next page. Absent on the last page. */
  readonly next?: string;
}

export interface SearchStats {
  readonly documents: number;
  readonly bytes: number;
  /** What is wrong with the index, although the engine answers. Absent if nothing is wrong. */
  readonly problem?: SearchProblem;
}

/** A problem of a search index, in words for an administrator. */
export interface SearchProblem {
  /** `degraded`: all searches still work. `failed`: searches fail. */
  readonly status: 'degraded' | 'failed';
  readonly reason: string;
}

/** Changes of the index: documents to add or replace, and events whose documents to remove. */
export interface SearchWrites {
  readonly upserts: readonly SearchDocument[];
  readonly removals: readonly EventId[];
  /** Rooms whose documents to remove, because the room has become encrypted or was purged. */
  readonly removedRooms: readonly RoomId[];
  /**
   * The version of the state that these changes describe. A larger version is a later state. Requests to an engine may arrive
   * late, in another order, or twice. An engine that compares versions then keeps the later state. A transactional index needs
   * no version, and gets 0. Documents of `SearchRebuild.load()` are older than all other changes.
   */
  readonly version: number;
}

/**
 * Builds a second index, the shadow. The live index answers searches while the plugin fills the shadow. Then the shadow
 * replaces the live index. All methods are idempotent, because a resumed job calls them again.
 */
export interface SearchRebuild {
  /**
   * Creates an empty shadow, and returns its marker, a text that identifies the shadow's content. Keeps the shadow if the same
   * rebuild has already created it.
   */
  begin(rebuildId: string): Promise<string>;
  /**
   * Adds documents. The plugin passes each document once. Only if the transaction of `commit` was not committed, the plugin
   * passes the same documents again. `commit` runs its callback in the transaction that also records the batch as done. An
   * index in PostgreSQL writes the documents in the callback. Any other engine calls `commit` when it has stored the documents
   * durably.
   */
  load(
    rebuild: RebuildRef,
    documents: readonly SearchDocument[],
    commit: (write: (transaction: Knex.Transaction) => Promise<void>) => Promise<void>,
  ): Promise<void>;
  /** Builds what is cheaper to build after all documents are loaded, such as database indexes. */
  finishLoad(rebuild: RebuildRef): Promise<void>;
  /**
   * Applies changes that were made during the rebuild to the shadow, as `SearchIndex.write` applies changes to the live index.
   */
  write(rebuild: RebuildRef, writes: SearchWrites, transaction?: Knex.Transaction): Promise<void>;
  /**
   * Replaces the live index with the shadow, and drops the old content. Every search sees either the old or the new content.
   * The plugin records the swap in `transaction` too. Does nothing if an earlier call has done the swap.
   */
  swap(rebuild: RebuildRef, transaction: Knex.Transaction): Promise<void>;
  /** Drops the shadow if it exists. */
  abort(rebuildId: string): Promise<void>;
}

/** A full-text index of one homeserver's events. */
export interface SearchIndex {
  /** The engine's name in metrics and logs. */
  readonly engine: string;
  /**
   * Whether `write` is part of the caller's transaction. If not, the plugin queues changes in PostgreSQL and delivers them
   * after the commit.
   */
  readonly transactional: boolean;
  /** Maximum number of rows of `syncapi_output_room_events` that a rebuild reads in one batch. */
  readonly batchSize: number;
  /** Maximum number of batches that one process loads in parallel. */
  readonly lanes: number;
  /**
   * Creates the index if it is missing. Rejects if the engine refuses the credentials or the address. If the engine is
   * unavailable, an adapter may resolve, and create the index later.
   */
  start(): Promise<void>;
  /** Ends running requests. */
  stop(): Promise<void>;
  /**
   * Applies changes. A transactional index writes in the caller's transaction. Any other index has stored the changes durably
   * when the call returns.
   */
  write(writes: SearchWrites, transaction?: Knex.Transaction): Promise<void>;
  /**
   * Removes documents of a room. A transactional index removes at least `limit` documents in the caller's transaction, or all
   * if there are fewer, and returns their number. A number below `limit` means that no documents are left. Any other index
   * durably removes all documents of the room, and returns 0.
   * @param version as `SearchWrites.version`
   */
  removeRoom(roomId: RoomId, limit: number, version: number, transaction?: Knex.Transaction): Promise<number>;
  search(query: SearchQuery): Promise<SearchPage>;
  stats(): Promise<SearchStats>;
  readonly rebuild: SearchRebuild;
}

/** The objects that the plugin provides to a search adapter. */
export interface SearchIndexContext {
  readonly db: Knex;
  readonly logger: Logger;
  readonly metrics: SearchMetrics;
  /** Turns texts and queries into lexemes. All engines use this analysis, so that they find the same events. */
  readonly analysis: SearchAnalysis;
}

/** The type of `options.search`. The plugin calls the function once to create the index. */
export type SearchAdapter = (context: SearchIndexContext) => SearchIndex;
