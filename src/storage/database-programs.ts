import { type Db, rowsOf } from './database.ts';

/** A program that is connected to the database. */
export interface DatabaseProgram {
  /** The name that the program gives itself. Empty if it gives none, as Dendrite does. */
  readonly name: string;
  readonly role: string;
  /** `null`: a local socket, or another role's connection that this role may not see. */
  readonly address: string | null;
  readonly connections: number;
}

/** The programs that are connected to this database, except those with this name. */
export function listOtherPrograms(db: Db, ownName: string): Promise<DatabaseProgram[]> {
  // The type of a backend is hidden from other roles. Backends of PostgreSQL itself have no role.
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
