import type { Knex } from 'knex';

/**
 * Adds two columns for ids of text analyses. `analysis` is the id of the analysis that wrote the index. NULL means unknown: the
 * index then needs a rebuild. `rebuild_analysis` is the id of the analysis of a running rebuild.
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
