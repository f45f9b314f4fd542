import { type Db, rowsOf } from '../database.ts';

/** An index for searches of parts of texts. */
export interface TrigramIndex {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
}

/** The schema of the extension `pg_trgm`. `undefined`: the database does not have it. */
async function findSchema(db: Db): Promise<string | undefined> {
  const [row] = await rowsOf<{ name: string }>(
    db.raw(
      `SELECT n.nspname AS name FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
       WHERE e.extname = 'pg_trgm'`,
    ),
  );
  return row?.name;
}

/** Creates the extension if the role may. Otherwise the database stays without it. */
async function createExtension(db: Db): Promise<void> {
  try {
    await db.raw('CREATE EXTENSION pg_trgm SCHEMA matrix_admin');
  } catch {
    // The server lacks the extension, the role may not create it, or another process has just created it.
  }
}

/**
 * Creates an index of trigrams, unless it exists. Writers can go on meanwhile.
 * @returns whether there is an index now. There is none if the database does not have `pg_trgm` and the role cannot create it
 */
export async function ensureTrigramIndex(db: Db, { name, table, columns }: TrigramIndex): Promise<boolean> {
  if ((await findSchema(db)) === undefined) await createExtension(db);
  const schema = await findSchema(db);
  if (schema === undefined) return false;
  const [index] = await rowsOf<{ valid: boolean }>(
    db.raw('SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass(?)', [`matrix_admin.${name}`]),
  );
  if (index?.valid) return true;
  // An interrupted creation has left an index that PostgreSQL does not use.
  if (index !== undefined) await db.raw('DROP INDEX matrix_admin.??', [name]);
  const terms = columns.map(() => '?? ??.gin_trgm_ops').join(', ');
  await db.raw(`CREATE INDEX CONCURRENTLY ?? ON matrix_admin.?? USING gin (${terms})`, [
    name,
    table,
    ...columns.flatMap((column) => [column, schema]),
  ]);
  return true;
}
