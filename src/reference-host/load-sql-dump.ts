import type { Knex } from 'knex';

interface Connection {
  query(sql: string): Promise<unknown>;
}

/**
 * Runs a dump of plain SQL statements, such as the output of `pg_dump --inserts`, on one connection. Either all statements take
 * effect, or none.
 *
 * This function sends the text to the driver directly, because Knex would treat every `?` in the data as a parameter. A dump
 * changes settings of its session, for example `search_path`. So this function resets the settings before the connection
 * returns to the pool.
 */
export async function loadSqlDump(db: Knex, sql: string): Promise<void> {
  const connection: Connection = await db.client.acquireConnection();
  try {
    // PostgreSQL treats statements that are sent together as one transaction.
    await connection.query(sql);
  } finally {
    try {
      await connection.query('RESET ALL');
    } finally {
      await db.client.releaseConnection(connection);
    }
  }
}
