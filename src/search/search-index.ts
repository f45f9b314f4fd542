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
  /** Only events of these rooms, compared byte for byte. Empty: nothing is found. */
  readonly rooms: readonly RoomId[];
  readonly keys: readonly SearchKey[];
  readonly order: SearchOrder;
  /** Hits a page. */
  readonly limit: number;
  /** `SearchPage.next` of the page before. */
  readonly after?: string;
}

export interface SearchPage {
  readonly hits: readonly SearchHit[];
  /** All hits of the query, exact or an engine's estimate. */
  readonly count: number;
  /** Where the next page starts; absent on the last one. */
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
  /** Rooms whose every document goes (the room became encrypted, or was purged). */
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
  /** Called once all is loaded: builds what is cheaper to build at the end. */
  finishLoad(rebuild: RebuildRef): Promise<void>;
  /** Applies changes that came in meanwhile; as `SearchIndex.write`, but to the shadow. */
  write(rebuild: RebuildRef, writes: SearchWrites, transaction?: Knex.Transaction): Promise<void>;
  /**
   * Puts the shadow in the index's place, atomically for readers, and drops the old content.
   * `transaction` also records that it happened. Does nothing if it has happened already.
   */
  swap(rebuild: RebuildRef, transaction: Knex.Transaction): Promise<void>;
  /** Drops the shadow, if there is one. */
  abort(rebuildId: string): Promise<void>;
}

/** A full-text index of one homeserver's events. */
export interface SearchIndex {
  /** Label of metrics and logs. */
  readonly engine: string;
  /**
   * Whether `write` takes part in the caller's transaction. If not, changes are queued in PostgreSQL and
   * delivered after the commit.
   */
  readonly transactional: boolean;
  /** Rows of `syncapi_output_room_events` that one batch of a rebuild reads. */
  readonly batchSize: number;
  /** Batches that one process loads side by side. */
  readonly lanes: number;
  /** Makes the index if it is missing; fails if the engine can't be used. */
  start(): Promise<void>;
  /** Ends requests under way. */
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

/** What the plugin lends to an adapter. */
export interface SearchIndexContext {
  readonly db: Knex;
  readonly logger: Logger;
  readonly metrics: SearchMetrics;
}

/** `options.search`: makes the index when the plugin is created. */
export type SearchAdapter = (context: SearchIndexContext) => SearchIndex;
