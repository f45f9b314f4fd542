import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { isConflict } from './database-failures.ts';

/** How often work is done at most before a conflict with others is an error. */
const ATTEMPTS = 8;
const FIRST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 200;

/** A transaction that has waited for a lock must see what others have committed. The database's default may be another. */
const READ_COMMITTED = { isolationLevel: 'read committed' } as const;

/** Does work in a transaction, which is rolled back if it throws. */
export function transact<T>(db: Knex, work: (transaction: Knex.Transaction) => Promise<T>): Promise<T> {
  return db.transaction(work, READ_COMMITTED);
}

/** A transaction that the caller ends. */
export function openTransaction(db: Knex): Promise<Knex.Transaction> {
  return db.transaction(READ_COMMITTED);
}

/**
 * Does work again, a few times, when PostgreSQL has rolled it back because of a deadlock or a serialization failure. The work
 * must not rely on what an earlier attempt has changed outside of its transaction.
 */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || attempt >= ATTEMPTS) throw error;
      const longest = Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS);
      // The delay is random, so that the same transactions do not meet again.
      await delay(Math.random() * longest);
    }
  }
}
