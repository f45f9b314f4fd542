import type { Knex } from 'knex';

interface Connection {
  query(sql: string): Promise<unknown>;
}

/**
 * Runs a dump of plain SQL statements, such as from `pg_dump --inserts`, on one connection. Either all statements take
 * effect, or none.
 *
 * Knex would treat every `?` in the data as a parameter, so the text goes directly to the driver. A dump changes settings of
 * its session, for example `search_path`. They are reset before the connection returns to the pool.
 */
export async function loadSqlDump(db: Knex, sql: string): Promise<void> {
  const connection: Connection = await db.client.acquireConnection();
  try {
    // Statements that are sent together form one transaction.
    await connection.query(sql);
  } finally {
    try {
      await connection.query('RESET ALL');
    } finally {
      await db.client.releaseConnection(connection);
    }
  }
}
