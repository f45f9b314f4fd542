import type { Knex } from 'knex';
import { MatrixError } from '../../errors.ts';
import { isEventId } from '../../ids.ts';
import { inSlices } from '../../in-slices.ts';
import type { Db } from '../../storage/database.ts';
import {
  createDocumentTable,
  type DocumentTable,
  deleteDocuments,
  deleteRoomDocuments,
  dropDocumentTable,
  type IndexedDocuments,
  indexDocumentTable,
  insertDocuments,
  isStorable,
  measureDocuments,
  replaceDocumentTable,
  searchDocuments,
  upsertDocuments,
} from '../../storage/plugin/search-documents.ts';
import type { SearchAnalysis } from '../analysis/analysis.ts';
import type {
  SearchAdapter,
  SearchDocument,
  SearchHit,
  SearchIndex,
  SearchIndexContext,
  SearchPage,
  SearchQuery,
  SearchWrites,
} from '../search-index.ts';
import { RANK_WEIGHTS, tsqueryOf, tsvectorOf } from './lexemes.ts';

const ENGINE = 'postgres';
const LIVE: DocumentTable = 'search_documents';

/**
 * The default search engine: tables in the homeserver's own PostgreSQL. The transaction that writes events also changes the
 * index. A reindex fills a second table, and then replaces the first table with it.
 */
export function postgresSearch(): SearchAdapter {
  return createPostgresIndex;
}

function createPostgresIndex({ db, metrics, analysis }: SearchIndexContext): SearchIndex {
  const counted = async <T>(request: () => Promise<T>): Promise<T> => {
    metrics.searchRequests.inc({ engine: ENGINE });
    try {
      return await request();
    } catch (error) {
      metrics.searchErrors.inc({ engine: ENGINE });
      throw error;
    }
  };

  const apply = async (target: Db, table: DocumentTable, writes: SearchWrites): Promise<void> => {
    await deleteDocuments(target, table, writes.removals, writes.removedRooms);
    await upsertDocuments(target, table, await indexed(writes.upserts, analysis));
    metrics.searchDocumentsIndexed.inc({ engine: ENGINE }, writes.upserts.length);
  };

  return {
    engine: ENGINE,
    transactional: true,
    batchSize: 1_000,
    lanes: 3,
    start: async () => {},
    stop: async () => {},
    write: (writes, transaction) => counted(() => apply(transaction ?? db, LIVE, writes)),
    removeRoom: (roomId, limit, _version, transaction) =>
      counted(() => deleteRoomDocuments(transaction ?? db, roomId, limit)),
    search: (query) => counted(() => search(db, query, analysis)),
    stats: () => counted(() => measureDocuments(db)),
    rebuild: {
      begin: async (rebuildId) => {
        const shadow = shadowOf(rebuildId);
        await createDocumentTable(db, shadow);
        return shadow;
      },
      load: (rebuild, documents, commit) =>
        counted(async () => {
          const rows = await indexed(documents, analysis);
          await commit((transaction) => insertDocuments(transaction, shadowOf(rebuild.id), rows));
          metrics.searchDocumentsIndexed.inc({ engine: ENGINE }, documents.length);
        }),
      finishLoad: (rebuild) => counted(() => indexDocumentTable(db, shadowOf(rebuild.id))),
      write: (rebuild, writes, transaction) => counted(() => apply(transaction ?? db, shadowOf(rebuild.id), writes)),
      swap: (rebuild, transaction) => counted(() => replaceDocumentTable(transaction, shadowOf(rebuild.id))),
      abort: (rebuildId) => counted(() => dropDocumentTable(db, shadowOf(rebuildId))),
    },
  };
}

const shadowOf = (rebuildId: string): DocumentTable => `search_documents_${rebuildId.replaceAll(/[^0-9a-f]/g, '')}`;

/**
 * Computes the lexemes of documents in slices, because computing a whole batch at once would block the event loop for too long.
 */
const indexed = (all: readonly SearchDocument[], analysis: SearchAnalysis): Promise<IndexedDocuments> =>
  inSlices(analyse(all.filter(isStorable), analysis));

function* analyse(
  documents: readonly SearchDocument[],
  analysis: SearchAnalysis,
): Generator<undefined, IndexedDocuments, undefined> {
  const lexemes: string[] = [];
  for (const { text } of documents) {
    lexemes.push(tsvectorOf(text, analysis));
    yield;
  }
  return { documents, lexemes };
}

async function search(db: Knex, query: SearchQuery, analysis: SearchAnalysis): Promise<SearchPage> {
  const expression = analysis.parse(query.term);
  if (expression === undefined || query.rooms.length === 0) return { hits: [], count: 0 };
  const after = query.after === undefined ? undefined : parseCursor(query.after);
  const { hits, count } = await searchDocuments(db, {
    ...query,
    tsquery: tsqueryOf(expression),
    weights: RANK_WEIGHTS,
    after,
    limit: query.limit + 1,
  });
  const page = hits.slice(0, query.limit);
  const last = page.at(-1);
  return hits.length > query.limit && last ? { hits: page, count, next: cursorOf(last) } : { hits: page, count };
}

const cursorOf = ({ rank, streamPosition, eventId }: SearchHit): string =>
  `${streamPosition}_${rank}_${Buffer.from(eventId).toString('base64url')}`;

const CURSOR = /^(\d{1,15})_(\d{1,3}(?:\.\d{1,20})?(?:e-?\d{1,3})?)_([\w-]{1,340})$/;

function parseCursor(cursor: string): Pick<SearchHit, 'rank' | 'streamPosition' | 'eventId'> {
  const [, position, rank, id = ''] = CURSOR.exec(cursor) ?? [];
  const eventId = Buffer.from(id, 'base64url').toString();
  if (!isEventId(eventId)) throw new MatrixError('M_INVALID_PARAM', 'next_batch is not valid');
  return { rank: Number(rank), streamPosition: Number(position), eventId };
}
