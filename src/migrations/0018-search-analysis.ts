import type { Knex } from 'knex';

/**
 * `analysis` is the id of the text analysis with which an index was written. NULL means that it is unknown. The index then
 * needs a rebuild. `rebuild_analysis` is the id of the analysis with which a running rebuild writes.
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
