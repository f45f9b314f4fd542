import type { Knex } from 'knex';

/**
 * Which analysis of texts an index, and the one that a rebuild makes, was written with. NULL: that of a version before this
 * column.
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
