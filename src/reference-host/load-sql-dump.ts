import type { Knex } from 'knex';

interface Connection {
  query(sql: string): Promise<unknown>;
}

/**
 * Runs a dump of plain SQL statements, such as `pg_dump --inserts` writes, on one connection: all of it or nothing.
 *
 * Knex would take every `?` in the data for a parameter, so the text goes straight to the driver. A dump changes
 * settings of its session (`search_path` for one), which are reset before the connection returns to the pool.
 */
export async function loadSqlDump(db: Knex, sql: string): Promise<void> {
  const connection: Connection = await db.client.acquireConnection();
  try {
    // Statements that are sent together are one transaction.
    await connection.query(sql);
  } finally {
    try {
      await connection.query('RESET ALL');
    } finally {
      await db.client.releaseConnection(connection);
    }
  }
}
