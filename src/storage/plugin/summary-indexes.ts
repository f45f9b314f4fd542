import { type Db, rowsOf } from '../database.ts';

/** A database index of one of the plugin's tables. */
export interface SummaryIndex {
  readonly name: string;
  readonly table: string;
  /** The part of `CREATE INDEX` after the name of the table: the method, the columns and the included columns. */
  readonly definition: string;
}

/**
 * Creates an index, unless it exists. Other transactions can write to the table in the meantime. `db` must not be a
 * transaction, because PostgreSQL does not allow `CREATE INDEX CONCURRENTLY` in transactions.
 */
export async function ensureIndex(db: Db, { name, table, definition }: SummaryIndex): Promise<void> {
  const [index] = await rowsOf<{ valid: boolean }>(
    db.raw('SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass(?)', [`matrix_admin.${name}`]),
  );
  if (index?.valid) return;
  // If an earlier `CREATE INDEX CONCURRENTLY` was interrupted, an invalid index remains. PostgreSQL does not use an invalid
  // index for queries.
  if (index !== undefined) await db.raw('DROP INDEX matrix_admin.??', [name]);
  await db.raw(`CREATE INDEX CONCURRENTLY ?? ON matrix_admin.?? ${definition}`, [name, table]);
}
