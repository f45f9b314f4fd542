import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import type { ApplyEvents } from '../host.ts';
import type { EventId, RoomId } from '../ids.ts';
import { lockSearchEvents, lockSearchShared } from '../storage/database.ts';
import {
  deleteEdits,
  findEditedAround,
  findEditsAround,
  indexState,
  insertChanges,
  insertEdits,
  undelivered,
} from '../storage/plugin/search-changes.ts';
import { encryptedRooms } from '../storage/syncapi/output-room-events.ts';
import { retryConflicts, transact } from '../storage/transact.ts';
import type { SearchAnalysis } from './analysis/analysis.ts';
import { type Changes, changesOf } from './changes.ts';
import type { Delivery } from './delivery.ts';
import { deriveWrites } from './derive-writes.ts';
import { SEARCHABLE } from './document.ts';
import type { SearchHit, SearchIndex, SearchKey, SearchOrder, SearchPage } from './search-index.ts';

const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 1_000;
/** Maximum length of a search term, in UTF-16 code units. A longer term is an error. */
const MAX_TERM_LENGTH = 1_000;
const ALL_KEYS: readonly SearchKey[] = Object.values(SEARCHABLE).map(({ key }) => key);

export interface SearchRequest {
  readonly term: string;
  /** Rooms that the searching user may see. The search returns no hits in other rooms. */
  readonly rooms: readonly RoomId[];
  /** The fields to search. @defaultValue `content.body`, `content.name` and `content.topic` */
  readonly keys?: readonly SearchKey[];
  /** The order of hits. @defaultValue `rank` */
  readonly order?: SearchOrder;
  /** Maximum number of hits. Numbers below 1 count as 1, and numbers above 1000 as 1000. @defaultValue 10 */
  readonly limit?: number;
  /** `next` of the previous page. */
  readonly after?: string;
}

export interface SearchResult extends SearchPage {
  /** The words of the hits that match the term, spelled as in the hits. */
  readonly highlights: readonly string[];
}

/** `admin.search` of the plugin: full-text search for the homeserver. */
export interface Search {
  /** Whether search is on. `false` if `options.search` is `false`; `search` then throws. */
  readonly enabled: boolean;
  /**
   * Searches events of the given rooms.
   * @throws MatrixError `M_INVALID_PARAM` if `after` is not valid or the term is longer than 1000 UTF-16 code units;
   * `M_BAD_STATE` if search is off
   */
  readonly search: (request: SearchRequest) => Promise<SearchResult>;
}

/** Throws the error for a search while search is off. @throws MatrixError `M_BAD_STATE` */
export function searchIsOff(): never {
  throw new MatrixError('M_BAD_STATE', 'Full-text search is switched off on this homeserver');
}

export const disabledSearch: Search = { enabled: false, search: async () => searchIsOff() };

/**
 * Removes the documents of deleted events from the index, and updates those of their edits and of the events that they edit.
 * Does nothing if search is off.
 */
export type RemoveDocuments = (
  events: readonly { readonly eventId: EventId; readonly type: string }[],
  transaction: Knex.Transaction,
) => Promise<void>;

/** Search, and the functions that keep its index up to date. */
export interface FedSearch extends Search {
  /**
   * Updates the documents of events that were written, and of events that these edit or redact: in the caller's transaction, or
   * in its own if the caller gives none.
   */
  readonly apply: ApplyEvents;
  /** Removes the documents of events that the transaction has deleted. */
  readonly remove: RemoveDocuments;
}

export function createSearch(
  db: Knex,
  index: SearchIndex,
  analysis: SearchAnalysis,
  delivery: Delivery | undefined,
): FedSearch {
  const write = async (transaction: Knex.Transaction, { eventIds, edits, redacted }: Changes): Promise<void> => {
    await lockSearchShared(transaction);
    await insertEdits(transaction, edits);
    // Another transaction may edit or redact one of these events at the same time, from any room. The lock makes that
    // transaction wait for this one. So the edits and redactions that this transaction reads stay current until its commit.
    if (index.transactional) {
      await lockSearchEvents(transaction, [...redacted, ...(await findEditedAround(transaction, eventIds))]);
    }
    const forRebuild = (await indexState(transaction, index.engine)).rebuild !== undefined;
    if (index.transactional) await index.write(await deriveWrites(transaction, eventIds), transaction);
    // An edit also changes the document of the event that it edits. As long as a change of an event is queued,
    // `withoutStaleHits()` checks hits for the event against the database.
    await queue(transaction, [...new Set([...eventIds, ...edits.map(({ original }) => original)])], forRebuild);
  };

  /**
   * Queues changes for an engine that is not PostgreSQL, and for a reindex if one is running. Wakes the delivery after the
   * commit.
   */
  const queue = async (transaction: Knex.Transaction, changed: readonly EventId[], forRebuild: boolean) => {
    if (forRebuild || !index.transactional) {
      await insertChanges(transaction, index.engine, changed, { forIndex: !index.transactional, forRebuild });
    }
    if (delivery !== undefined) transaction.executionPromise.then(delivery.wake, () => {});
  };

  /** Removes the documents of deleted events that neither have edits nor are edits. */
  const removePlain = async (transaction: Knex.Transaction, eventIds: readonly EventId[]): Promise<void> => {
    await lockSearchShared(transaction);
    const forRebuild = (await indexState(transaction, index.engine)).rebuild !== undefined;
    if (index.transactional) {
      await index.write({ upserts: [], removals: eventIds, removedRooms: [], version: 0 }, transaction);
    }
    await queue(transaction, eventIds, forRebuild);
  };

  return {
    enabled: true,
    apply: async (events, { transaction } = {}) => {
      const changes = changesOf(events);
      if (changes.eventIds.length === 0) return;
      if (transaction !== undefined) return write(transaction, changes);
      // Two concurrent calls may apply edits of the same event. Each call stores its edits first, so that the other call sees
      // them.
      await insertEdits(db, changes.edits);
      await retryConflicts(() => transact(db, (own) => write(own, changes)));
    },
    remove: async (events, transaction) => {
      const eventIds = events.filter(({ type }) => Object.hasOwn(SEARCHABLE, type)).map(({ eventId }) => eventId);
      if (eventIds.length === 0) return;
      const edits = await findEditsAround(transaction, eventIds);
      // If an event neither has edits nor is an edit, only its own document must be removed. For the other events, the plugin
      // must derive from the database which documents the index should have.
      const concerned = new Set(edits.flatMap(({ edit, original }) => [edit, original]));
      const plain = eventIds.filter((id) => !concerned.has(id));
      const others = eventIds.filter((id) => concerned.has(id));
      if (plain.length > 0) await removePlain(transaction, plain);
      if (others.length === 0) return;
      await write(transaction, { eventIds: others, edits: [], redacted: [] });
      await deleteEdits(transaction, others);
    },
    search: async ({ term, rooms, keys = ALL_KEYS, order = 'rank', limit = DEFAULT_LIMIT, after }) => {
      if (term.length > MAX_TERM_LENGTH) throw new MatrixError('M_INVALID_PARAM', 'the search term is too long');
      const query = { term: term.toWellFormed(), rooms, keys, order, limit: Math.min(Math.max(limit, 1), MAX_LIMIT) };
      const page = await index.search(after === undefined ? query : { ...query, after });
      const visible = new Set(rooms);
      const inRooms = page.hits.filter(({ roomId }) => visible.has(roomId));
      const hits = index.transactional ? inRooms : await withoutStaleHits(db, index.engine, inRooms);
      return { ...page, hits, highlights: highlightsOf(query.term, hits, analysis) };
    },
  };
}

function highlightsOf(term: string, hits: readonly SearchHit[], analysis: SearchAnalysis): string[] {
  const expression = analysis.parse(term);
  if (expression === undefined) return [];
  return [...new Set(hits.flatMap(({ text }) => analysis.highlights(text, expression)))];
}

/**
 * Drops hits that the engine should no longer return: their event was redacted, edited or deleted, or their room became
 * encrypted, but the engine does not have this change yet.
 */
async function withoutStaleHits(db: Knex, engine: string, hits: readonly SearchHit[]): Promise<SearchHit[]> {
  const encrypted = await encryptedRooms(db, [...new Set(hits.map(({ roomId }) => roomId))]);
  const eventIds: EventId[] = hits.map(({ eventId }) => eventId);
  const waiting = await undelivered(db, engine, eventIds);
  const { upserts } = await deriveWrites(db, [...waiting]);
  const current = new Map(upserts.map(({ eventId, text }) => [eventId, text]));
  return hits.filter(
    ({ eventId, roomId, text }) => !encrypted.has(roomId) && (!waiting.has(eventId) || current.get(eventId) === text),
  );
}
