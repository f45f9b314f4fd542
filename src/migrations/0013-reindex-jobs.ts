import type { Knex } from 'knex';

/**
 * Changes the kind of reindex jobs to the name of their operation, and their dedupe key to match it. For all other jobs, the
 * kind already is the name of the operation.
 */
export const reindexJobs = {
  name: '0013-reindex-jobs',
  up: async (db: Knex): Promise<void> => {
    await db.raw(
      `UPDATE matrix_admin.jobs SET kind = 'reindexFulltext',
         dedupe_key = CASE WHEN dedupe_key IS NULL THEN NULL ELSE 'reindexFulltext ' END
       WHERE kind = 'fulltextReindex'`,
    );
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw(
      `UPDATE matrix_admin.jobs SET kind = 'fulltextReindex',
         dedupe_key = CASE WHEN dedupe_key IS NULL THEN NULL ELSE 'fulltextReindex' END
       WHERE kind = 'reindexFulltext'`,
    );
  },
};
