import { type Db, rowsOf } from '../database.ts';
import { ensureIndex } from './summary-indexes.ts';

/**
 * An index of trigrams (sequences of three characters). With such an index, PostgreSQL quickly finds the rows whose texts
 * contain a given text.
 */
export interface TrigramIndex {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
}

/**
 * Returns the quoted name of the schema that contains the extension `pg_trgm`. Returns `undefined` if the database does not
 * have the extension.
 */
async function findSchema(db: Db): Promise<string | undefined> {
  const [row] = await rowsOf<{ name: string }>(
    db.raw(
      `SELECT quote_ident(n.nspname) AS name FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
       WHERE e.extname = 'pg_trgm'`,
    ),
  );
  return row?.name;
}

/** Tries to create the extension `pg_trgm`. Ignores a failure. */
async function createExtension(db: Db): Promise<void> {
  try {
    await db.raw('CREATE EXTENSION pg_trgm SCHEMA matrix_admin');
  } catch {
    // The extension is not installed on the server, the role may not create it, or another process has just created it.
  }
}

/**
 * Creates an index of trigrams, unless it exists. Other transactions can write to the table in the meantime.
 * @param signal if it aborts, PostgreSQL stops building the index, and the function throws
 * @returns whether the index exists now. It does not if the database lacks the extension `pg_trgm`, and the plugin could not
 * create the extension
 */
export async function ensureTrigramIndex(
  db: Db,
  { name, table, columns }: TrigramIndex,
  signal: AbortSignal,
): Promise<boolean> {
  if ((await findSchema(db)) === undefined) await createExtension(db);
  const schema = await findSchema(db);
  if (schema === undefined) return false;
  const terms = columns.map((column) => `${column} ${schema}.gin_trgm_ops`).join(', ');
  await ensureIndex(db, { name, table, definition: `USING gin (${terms})` }, signal);
  return true;
}
