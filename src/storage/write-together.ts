import type { Knex } from 'knex';

/**
 * A statement that `writeTogether()` sends together with other statements. The statement must not read or write rows that any
 * of the other statements writes.
 */
export interface Write {
  /** SQL with `?` for each binding. Its `WITH` clauses must not write. */
  readonly sql: string;
  readonly bindings: readonly Knex.RawBinding[];
}

/**
 * Sends several statements as one, because a round trip to the database costs more than the statements. No statement sees the
 * changes that another of these statements makes. PostgreSQL chooses the order in which it runs the statements.
 */
export async function writeTogether(transaction: Knex.Transaction, writes: readonly Write[]): Promise<void> {
  if (writes.length === 0) return;
  await transaction.raw(
    `WITH ${writes.map(({ sql }, i) => `write_${i} AS (${sql})`).join(', ')} SELECT`,
    writes.flatMap(({ bindings }) => bindings),
  );
}
