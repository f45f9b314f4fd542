import type { Knex } from 'knex';

/**
 * Adds two columns with ids of text analyses. A text analysis splits texts into the words that a search finds. `analysis` is
 * the id of the analysis with which the index was built. NULL means that the analysis is unknown, and that the index needs a
 * rebuild. `rebuild_analysis` is the id of the analysis that a running rebuild uses.
 */
export const searchAnalysis = {
  name: '0018-search-analysis',
  up: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.search_indexes ADD COLUMN analysis text, ADD COLUMN rebuild_analysis text');
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('ALTER TABLE matrix_admin.search_indexes DROP COLUMN analysis, DROP COLUMN rebuild_analysis');
  },
};
