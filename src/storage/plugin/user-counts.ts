import type { Db } from '../database.ts';

const COMBINATION = 'server_name, account_type, is_deactivated, is_locked, user_type';

/** Up to this number of rows, adding them is quick, so they stay as they are. */
const FEW = 100;

/**
 * Replaces the rows of each combination of values in `user_counts` by one row with their sum. Each change of a summary of a user
 * may add a row, so without this function the table would grow. Rows that other transactions add meanwhile stay. Call it once a
 * minute in every process.
 */
export async function mergeUserCounts(db: Db): Promise<void> {
  await db.raw(
    `WITH removed AS (DELETE FROM matrix_admin.user_counts
       WHERE (SELECT count(*) FROM matrix_admin.user_counts) > ${FEW} RETURNING *)
     INSERT INTO matrix_admin.user_counts (${COMBINATION}, users)
     SELECT ${COMBINATION}, sum(users) FROM removed GROUP BY ${COMBINATION} HAVING sum(users) <> 0`,
  );
}
