import { type Db, rowsOf } from './database.ts';

/** A program that is connected to the database. Connections with the same name, role and address count as one program. */
export interface DatabaseProgram {
  /** The connection setting `application_name`. Empty if the program does not set it. Dendrite does not set it. */
  readonly name: string;
  /** The database role of the connections. */
  readonly role: string;
  /**
   * The IP address of the program. `null` if the program uses a local socket, or if the role of this query may not see the
   * details of other roles' connections.
   */
  readonly address: string | null;
  readonly connections: number;
}

/**
 * Lists the programs that are connected to this database, except programs with the name `ownName` and the connection of this
 * query.
 */
export function listOtherPrograms(db: Db, ownName: string): Promise<DatabaseProgram[]> {
  // `backend_type` is NULL for connections whose details the role of this query may not see. They count as clients. The
  // background processes of PostgreSQL itself have no role, and are left out.
  return rowsOf<DatabaseProgram>(
    db.raw(
      `SELECT coalesce(application_name, '') AS name, usename AS role, host(client_addr) AS address, count(*)::int AS connections
       FROM pg_stat_activity
       WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()
         AND coalesce(backend_type, 'client backend') = 'client backend' AND application_name IS DISTINCT FROM ?
       GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1`,
      [ownName],
    ),
  );
}
