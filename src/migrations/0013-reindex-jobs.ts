import type { Knex } from 'knex';

/** A job has the name of the operation that starts it. Reindex jobs had a different name. */
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
