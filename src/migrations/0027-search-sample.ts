import type { Knex } from 'knex';

const HASH = '(((stream_position & 1073741823) * 663608941) & 1073741823)';

/**
 * Adds an index that has only one in 64 search documents, chosen by a hash of their stream position. Searches read these
 * documents to estimate how many of all documents contain a word.
 */
export const searchSample = {
  name: '0027-search-sample',
  up: async (db: Knex): Promise<void> => {
    await db.raw(
      `CREATE INDEX search_documents_sample ON matrix_admin.search_documents (${HASH}) WHERE ${HASH} < 16777216`,
    );
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP INDEX matrix_admin.search_documents_sample');
  },
};
