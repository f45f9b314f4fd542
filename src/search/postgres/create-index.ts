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
  upsertDocuments,
} from '../../storage/plugin/search-documents.ts';
import type { SearchAnalysis } from '../analysis/analysis.ts';
import type { SearchDocument, SearchIndex, SearchIndexContext, SearchWrites } from '../search-index.ts';
import { tsvectorOf } from './lexemes.ts';
import { type SearchLimits, searchWithin } from './search.ts';

const ENGINE = 'postgres';
const LIVE: DocumentTable = 'search_documents';

/** Returns the `SearchIndex` of PostgreSQL. `limits` bounds the work of a search for one page of hits. */
export function createPostgresIndex({ db, metrics, analysis }: SearchIndexContext, limits: SearchLimits): SearchIndex {
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
    search: (query) => counted(() => searchWithin(db, query, analysis, limits)),
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
 * Leaves out documents that cannot be stored, and computes the lexemes of the others. Works in slices, because computing a
 * whole batch at once would block the event loop for too long.
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
