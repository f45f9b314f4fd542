import type { Knex } from 'knex';

/** The columns of summaries of users by which lists are filtered, except for searches. */
const FILTERED = 'server_name, account_type, is_deactivated, is_locked, user_type';

const trigger = (event: string, tables: string): string => `
CREATE TRIGGER count_users_after_${event} AFTER ${event} ON matrix_admin.user_summaries
  REFERENCING ${tables} FOR EACH STATEMENT EXECUTE FUNCTION matrix_admin.count_users();`;

/**
 * The table `user_counts` has the numbers of users for each combination of the columns in `FILTERED`, so that the plugin knows
 * the length of a list of users without reading all summaries. The number of a combination is the sum of its rows. Each
 * statement that changes summaries adds rows with the differences, and updates no row. So two transactions never wait for each
 * other because of these numbers. Once a minute, the plugin replaces the rows of each combination by one row with their sum.
 */
const UP = `
CREATE TABLE matrix_admin.user_counts (
  server_name text NOT NULL,
  account_type smallint NOT NULL,
  is_deactivated boolean NOT NULL,
  is_locked boolean NOT NULL,
  user_type text NOT NULL,
  users bigint NOT NULL
);
CREATE FUNCTION matrix_admin.count_users() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO matrix_admin.user_counts (${FILTERED}, users)
    SELECT ${FILTERED}, count(*) FROM new_rows GROUP BY ${FILTERED};
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO matrix_admin.user_counts (${FILTERED}, users)
    SELECT ${FILTERED}, -count(*) FROM old_rows GROUP BY ${FILTERED};
  ELSE
    INSERT INTO matrix_admin.user_counts (${FILTERED}, users)
    SELECT ${FILTERED}, sum(difference) FROM (
      SELECT ${FILTERED}, 1 AS difference FROM new_rows UNION ALL SELECT ${FILTERED}, -1 FROM old_rows) AS changed
    GROUP BY ${FILTERED} HAVING sum(difference) <> 0;
  END IF;
  RETURN NULL;
END
$function$;
${trigger('INSERT', 'NEW TABLE AS new_rows')}
${trigger('UPDATE', 'OLD TABLE AS old_rows NEW TABLE AS new_rows')}
${trigger('DELETE', 'OLD TABLE AS old_rows')}
INSERT INTO matrix_admin.user_counts (${FILTERED}, users)
SELECT ${FILTERED}, count(*) FROM matrix_admin.user_summaries GROUP BY ${FILTERED};
`;

/** Creates the table of the numbers of users, and the triggers that keep these numbers correct. */
export const userCounts = {
  name: '0029-user-counts',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    for (const event of ['insert', 'update', 'delete']) {
      await db.raw(`DROP TRIGGER count_users_after_${event} ON matrix_admin.user_summaries`);
    }
    await db.raw('DROP FUNCTION matrix_admin.count_users()');
    await db.raw('DROP TABLE matrix_admin.user_counts');
  },
};
