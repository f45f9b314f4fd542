import createKnex, { type Knex } from 'knex';

/** Number of connections of the pool. A job uses four, and its steps must not wait for each other. */
const CONNECTIONS = 8;

/**
 * Opens a pool of its own, for a program that is no homeserver. It connects at the first query.
 * @param applicationName what `pg_stat_activity` shows
 */
export function connectDatabase(connectionString: string, applicationName: string): Knex {
  return createKnex({
    client: 'pg',
    connection: { connectionString, application_name: applicationName },
    pool: { min: 0, max: CONNECTIONS },
    acquireConnectionTimeout: 15_000,
    // Knex would write to the console. Its errors reach the caller anyway.
    log: { warn: () => {}, error: () => {}, debug: () => {}, deprecate: () => {} },
  });
}
