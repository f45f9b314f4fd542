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
  /** Number of all hits: exact, or the engine's estimate. */
  readonly count: number;
  /** Cursor of the next page. Absent on the last page. */
  readonly next?: string;
}

export interface SearchStats {
  readonly documents: number;
  readonly bytes: number;
}

/** Documents to add or replace, and events that must not be found any more. */
export interface SearchWrites {
  readonly upserts: readonly SearchDocument[];
  readonly removals: readonly EventId[];
  /** Rooms whose documents are all removed, because the room became encrypted or was purged. */
  readonly removedRooms: readonly RoomId[];
}

/**
 * A shadow of the index that is filled while the old one goes on answering, and then takes its place.
 * All methods are idempotent: a job that was interrupted calls them again.
 */
export interface SearchRebuild {
  /** Makes the empty shadow and returns its marker. The shadow of the same rebuild, if it is there, is kept. */
  begin(rebuildId: string): Promise<string>;
  /**
   * Adds documents in bulk, each exactly once. `commit` runs its callback in the transaction that also records that
   * the batch is done: an index in PostgreSQL writes there, another engine calls it when the documents are durable.
   */
  load(
    rebuild: RebuildRef,
    documents: readonly SearchDocument[],
    commit: (write: (transaction: Knex.Transaction) => Promise<void>) => Promise<void>,
  ): Promise<void>;
  /** Called after all documents are loaded. Builds what is cheaper to build at the end, such as database indexes. */
  finishLoad(rebuild: RebuildRef): Promise<void>;
  /** Applies changes made during the rebuild. Like `SearchIndex.write`, but to the shadow. */
  write(rebuild: RebuildRef, writes: SearchWrites, transaction?: Knex.Transaction): Promise<void>;
  /**
   * Puts the shadow in the index's place, atomically for readers, and drops the old content.
   * `transaction` also records that it happened. Does nothing if it has happened already.
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
  /** Applies changes; in the caller's transaction if the index is transactional, else durably before it returns. */
  write(writes: SearchWrites, transaction?: Knex.Transaction): Promise<void>;
  /**
   * Takes documents of a room out: about `limit` of them in the caller's transaction if the index is transactional, else
   * all of them, durably. Returns how many there were; fewer than `limit`: there are no more.
   */
  removeRoom(roomId: RoomId, limit: number, transaction?: Knex.Transaction): Promise<number>;
  search(query: SearchQuery): Promise<SearchPage>;
  stats(): Promise<SearchStats>;
  readonly rebuild: SearchRebuild;
}

/** What the plugin provides to an adapter. */
export interface SearchIndexContext {
  readonly db: Knex;
  readonly logger: Logger;
  readonly metrics: SearchMetrics;
}

/** `options.search`: creates the `SearchIndex` when the plugin is created. */
export type SearchAdapter = (context: SearchIndexContext) => SearchIndex;
