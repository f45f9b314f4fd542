import { setTimeout as delay } from 'node:timers/promises';
import { type Db, rowsOf } from '../database.ts';

/** A database index of one of the plugin's tables. */
export interface SummaryIndex {
  readonly name: string;
  readonly table: string;
  /** The part of `CREATE INDEX` after the name of the table: the method, the columns and the included columns. */
  readonly definition: string;
}

/**
 * Creates an index, unless it exists and is valid. Other transactions can write to the table in the meantime. `db` must not be
 * a transaction, because PostgreSQL does not allow `CREATE INDEX CONCURRENTLY` in transactions.
 * @param signal if it aborts, PostgreSQL stops building the index, and the function throws
 */
export async function ensureIndex(
  db: Db,
  { name, table, definition }: SummaryIndex,
  signal: AbortSignal,
): Promise<void> {
  const [index] = await rowsOf<{ valid: boolean }>(
    db.raw('SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass(?)', [`matrix_admin.${name}`]),
  );
  if (index?.valid) return;
  // If an earlier `CREATE INDEX CONCURRENTLY` was interrupted, an invalid index remains. PostgreSQL does not use an invalid
  // index for queries.
  if (index !== undefined) await db.raw('DROP INDEX matrix_admin.??', [name]);
  await runStoppable(db, `CREATE INDEX CONCURRENTLY ${name} ON matrix_admin.${table} ${definition}`, signal);
}

/** After this time in ms, `runStoppable()` tries again to cancel a statement that still runs. */
const CANCEL_AGAIN_MS = 100;

/** Runs an SQL statement without parameters, and cancels it when `signal` aborts. @throws the error of a cancelled statement */
async function runStoppable(db: Db, statement: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let hasEnded = false;
  // Finds the statement by its text, because behind pgbouncer a client does not know which server process runs its statement.
  // Cancels more than once, because the statement may not have begun yet.
  const cancel = async (): Promise<void> => {
    while (!hasEnded) {
      await db.raw(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND usename = current_user AND state = 'active' AND query = ?`,
        [statement],
      );
      await delay(CANCEL_AGAIN_MS);
    }
  };
  let cancelling: Promise<void> | undefined;
  const stop = (): void => {
    // If a query of `cancel()` fails, the statement runs to its end.
    cancelling = cancel().catch(() => {});
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await db.raw(statement);
  } finally {
    hasEnded = true;
    signal.removeEventListener('abort', stop);
    await cancelling;
  }
}
