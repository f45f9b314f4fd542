import type { Knex } from 'knex';

/** A statement. No other statement of the same round trip reads or writes its rows. */
export interface Write {
  /** SQL with `?` for bindings. `WITH` clauses must not write. */
  readonly sql: string;
  readonly bindings: readonly Knex.RawBinding[];
}

/**
 * Sends writes as one statement, because a round trip to the database costs more than the writes. No write sees the changes
 * of the others. PostgreSQL chooses their order.
 */
export async function writeTogether(transaction: Knex.Transaction, writes: readonly Write[]): Promise<void> {
  if (writes.length === 0) return;
  await transaction.raw(
    `WITH ${writes.map(({ sql }, i) => `write_${i} AS (${sql})`).join(', ')} SELECT`,
    writes.flatMap(({ bindings }) => bindings),
  );
}
