import { type Db, rowsOf } from '../database.ts';

/** An index of a table of the plugin. */
export interface SummaryIndex {
  readonly name: string;
  readonly table: string;
  /** SQL that follows the name of the table: the method, the columns and the included columns. */
  readonly definition: string;
}

/** Creates an index, unless it exists. Writers can go on meanwhile. */
export async function ensureIndex(db: Db, { name, table, definition }: SummaryIndex): Promise<void> {
  const [index] = await rowsOf<{ valid: boolean }>(
    db.raw('SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass(?)', [`matrix_admin.${name}`]),
  );
  if (index?.valid) return;
  // An interrupted creation has left an index that PostgreSQL does not use.
  if (index !== undefined) await db.raw('DROP INDEX matrix_admin.??', [name]);
  await db.raw(`CREATE INDEX CONCURRENTLY ?? ON matrix_admin.?? ${definition}`, [name, table]);
}
