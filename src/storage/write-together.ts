import type { Knex } from 'knex';

/**
 * A statement that `writeTogether()` sends together with other statements. The statement must not read or write rows that one
 * of these other statements writes.
 */
export interface Write {
  /** SQL with `?` for each binding. Its `WITH` clauses must not write. */
  readonly sql: string;
  readonly bindings: readonly Knex.RawBinding[];
}

/**
 * Sends several statements as one statement with a `WITH` clause for each, because a round trip to the database costs more than
 * the statements. None of the statements sees the changes that the others make. PostgreSQL may run them in any order.
 */
export async function writeTogether(transaction: Knex.Transaction, writes: readonly Write[]): Promise<void> {
  if (writes.length === 0) return;
  await transaction.raw(
    `WITH ${writes.map(({ sql }, i) => `write_${i} AS (${sql})`).join(', ')} SELECT`,
    writes.flatMap(({ bindings }) => bindings),
  );
}
