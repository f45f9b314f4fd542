import { type Db, rowsOf } from './database.ts';

/** A program that is connected to the database. */
export interface DatabaseProgram {
  /** The name that the program gives itself. Empty if the program gives itself no name, as Dendrite does. */
  readonly name: string;
  readonly role: string;
  /**
   * The IP address of the program. `null` if the program uses a local socket, or if the plugin's role may not see the
   * connections of the program's role.
   */
  readonly address: string | null;
  readonly connections: number;
}

/** Lists the programs that are connected to this database, except those named `ownName`. */
export function listOtherPrograms(db: Db, ownName: string): Promise<DatabaseProgram[]> {
  // Roles cannot see what kind of process another role's connection is. The processes of PostgreSQL itself have no role.
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
