import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { rowsOf } from './database.ts';
import { isUnavailable } from './database-failures.ts';

const ATTEMPTS = 10;
const DELAY_MS = 300;

/**
 * Tells whether a transaction was committed although PostgreSQL did not answer its `COMMIT`. Asks again for about three seconds
 * while PostgreSQL is unavailable, and while the transaction is still open because PostgreSQL has not noticed the lost
 * connection yet.
 * @param transactionId the result of `txid_current()` in the transaction
 * @returns `false` if the transaction was rolled back, if PostgreSQL no longer knows the transaction, or if the transaction is
 * still open at the last attempt
 * @throws the database's error if PostgreSQL is still unavailable at the last attempt, and any other error at once
 */
export async function hasCommitted(db: Knex, transactionId: string): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const [row] = await rowsOf<{ status: string | null }>(
        db.raw('SELECT txid_status(CAST(? AS bigint)) AS status', [transactionId]),
      );
      if (row?.status !== 'in progress' || attempt >= ATTEMPTS) return row?.status === 'committed';
    } catch (error) {
      if (!isUnavailable(error) || attempt >= ATTEMPTS) throw error;
    }
    await delay(DELAY_MS);
  }
}
