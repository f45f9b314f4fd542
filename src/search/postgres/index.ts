import type { Knex } from 'knex';
import { MatrixError } from '../../errors.ts';
import {
  createDocumentTable,
  deleteDocuments,
  type DocumentTable,
  dropDocumentTable,
  type IndexedDocuments,
  indexDocumentTable,
  insertDocuments,
  measureDocuments,
  replaceDocumentTable,
  searchDocuments,
  upsertDocuments,
} from '../../storage/plugin/search-documents.ts';
import type { Db } from '../../storage/database.ts';
import { parseSearchTerm } from '../search-term.ts';
import type {
  SearchAdapter,
  SearchDocument,
  SearchHit,
  SearchIndexContext,
  SearchIndex,
  SearchPage,
  SearchQuery,
  SearchWrites,
} from '../search-index.ts';
import { tsqueryOf, tsvectorOf } from './lexemes.ts';

const ENGINE = 'postgres';
const LIVE: DocumentTable = 'search_documents';

/**
 * The default search engine: tables in the homeserver's own PostgreSQL. Changes are part of the transaction that makes
 * them, a rebuild fills a second table, and the swap is a rename.
 */
export function postgresSearch(): SearchAdapter {
  return createPostgresIndex;
}

function createPostgresIndex({ db, metrics }: SearchIndexContext): SearchIndex {
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
    await upsertDocuments(target, table, indexed(writes.upserts));
    metrics.searchDocumentsIndexed.inc({ engine: ENGINE }, writes.upserts.length);
  };

  return {
    engine: ENGINE,
    transactional: true,
    batchSize: 2_000,
    lanes: 3,
    start: async () => {},
    stop: async () => {},
    write: (writes, transaction) => counted(() => apply(transaction ?? db, LIVE, writes)),
    search: (query) => counted(() => search(db, query)),
    stats: () => counted(() => measureDocuments(db)),
    rebuild: {
      begin: async (rebuildId) => {
        const shadow = shadowOf(rebuildId);
        await createDocumentTable(db, shadow);
        return shadow;
      },
      load: (rebuild, documents, commit) => {
        const rows = indexed(documents);
        return counted(async () => {
          await commit((transaction) => insertDocuments(transaction, shadowOf(rebuild.id), rows));
          metrics.searchDocumentsIndexed.inc({ engine: ENGINE }, documents.length);
        });
      },
      finishLoad: (rebuild) => counted(() => indexDocumentTable(db, shadowOf(rebuild.id))),
      write: (rebuild, writes) => counted(() => apply(db, shadowOf(rebuild.id), writes)),
      swap: (rebuild, transaction) => counted(() => replaceDocumentTable(transaction, shadowOf(rebuild.id))),
      abort: (rebuildId) => counted(() => dropDocumentTable(db, shadowOf(rebuildId))),
    },
  };
}

const shadowOf = (rebuildId: string): DocumentTable => `search_documents_${rebuildId.replaceAll(/[^0-9a-f]/g, '')}`;

const indexed = (documents: readonly SearchDocument[]): IndexedDocuments => ({
  documents,
  lexemes: documents.map(({ text }) => tsvectorOf(text)),
});

async function search(db: Knex, query: SearchQuery): Promise<SearchPage> {
  const tsquery = tsqueryOf(parseSearchTerm(query.term));
  if (tsquery === '' || query.rooms.length === 0) return { hits: [], count: 0 };
  const after = query.after === undefined ? undefined : parseCursor(query.after);
  const { hits, count } = await searchDocuments(db, { ...query, tsquery, after, limit: query.limit + 1 });
  const page = hits.slice(0, query.limit);
  const last = page.at(-1);
  return hits.length > query.limit && last ? { hits: page, count, next: cursorOf(last) } : { hits: page, count };
}

const cursorOf = ({ rank, streamPosition }: SearchHit): string => `${streamPosition}_${rank}`;

function parseCursor(cursor: string): { rank: number; streamPosition: number } {
  const [, position, rank] = /^(\d{1,15})_(\d{1,3}(?:\.\d{1,20})?(?:e-?\d{1,3})?)$/.exec(cursor) ?? [];
  if (position === undefined || rank === undefined) throw new MatrixError('M_INVALID_PARAM', 'next_batch is not valid');
  return { rank: Number(rank), streamPosition: Number(position) };
}
