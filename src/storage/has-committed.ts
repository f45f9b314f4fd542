import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { rowsOf } from './database.ts';
import { isUnavailable } from './database-failures.ts';

const ATTEMPTS = 10;
const DELAY_MS = 300;

/**
 * Tells whether a transaction was committed although PostgreSQL did not answer its `COMMIT`. Tries again for a few seconds
 * while the server is unavailable, or while the server has not noticed yet that the connection is lost.
 * @param transactionId the result of `txid_current()` in the transaction
 * @returns `false` if the transaction was rolled back, if PostgreSQL no longer knows it, or if it is still open at the last try
 * @throws the database's error if the server remains unavailable
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
