import type { Knex } from 'knex';

/** A statement that writes rows which no other statement of the same round trip reads or writes. */
export interface Write {
  /** With `?` for bindings, and no `WITH` that writes. */
  readonly sql: string;
  readonly bindings: readonly Knex.RawBinding[];
}

/**
 * Sends writes as one statement: what they cost is mostly the way to the database and back. None of them sees what the
 * others have written, and their order is PostgreSQL's.
 */
export async function writeTogether(transaction: Knex.Transaction, writes: readonly Write[]): Promise<void> {
  if (writes.length === 0) return;
  await transaction.raw(
    `WITH ${writes.map(({ sql }, i) => `write_${i} AS (${sql})`).join(', ')} SELECT`,
    writes.flatMap(({ bindings }) => bindings),
  );
}
