import { type Db, rowsOf } from './database.ts';

/**
 * Reads the version of the PostgreSQL server, such as `16.4`. Callers also use the query to check that the database answers.
 */
export async function serverVersion(db: Db): Promise<string> {
  const [server] = await rowsOf<{ version: string }>(db.raw(`SELECT current_setting('server_version') AS version`));
  return server?.version ?? 'unknown';
}
