import createKnex, { type Knex } from 'knex';

/** Maximum number of connections in the pool. A job uses up to four connections. The other four are for other queries. */
const CONNECTIONS = 8;

/**
 * Opens a connection pool for a program that is not a homeserver. The pool connects at the first query.
 * @param applicationName the name that `pg_stat_activity` shows
 */
export function connectDatabase(connectionString: string, applicationName: string): Knex {
  return createKnex({
    client: 'pg',
    connection: { connectionString, application_name: applicationName },
    pool: { min: 0, max: CONNECTIONS },
    acquireConnectionTimeout: 15_000,
    // Without these functions, Knex would write warnings and errors to the console, although the caller gets the errors.
    log: { warn: () => {}, error: () => {}, debug: () => {}, deprecate: () => {} },
  });
}
