import createKnex, { type Knex } from 'knex';

/** Number of connections of the pool. A job uses four of them. Other queries need further connections. */
const CONNECTIONS = 8;

/**
 * Opens a connection pool for a program that is not a homeserver. It connects at the first query.
 * @param applicationName the name that `pg_stat_activity` shows
 */
export function connectDatabase(connectionString: string, applicationName: string): Knex {
  return createKnex({
    client: 'pg',
    connection: { connectionString, application_name: applicationName },
    pool: { min: 0, max: CONNECTIONS },
    acquireConnectionTimeout: 15_000,
    // Knex would write its errors to the console. The caller gets them anyway.
    log: { warn: () => {}, error: () => {}, debug: () => {}, deprecate: () => {} },
  });
}
