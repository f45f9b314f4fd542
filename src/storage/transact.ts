import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { isConflict } from './database-failures.ts';

/** How often work is done at most before a conflict with others is an error. */
const ATTEMPTS = 8;
const FIRST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 200;

/** What the plugin's transactions need, whatever the default of the database or the role is. */
export const ISOLATION = { isolationLevel: 'read committed' } as const;

/** Runs work in a transaction of its own, at the isolation level that the plugin is written for. */
export function transact<T>(db: Knex, work: (transaction: Knex.Transaction) => Promise<T>): Promise<T> {
  return db.transaction(work, ISOLATION);
}

/**
 * Does work again that PostgreSQL has rolled back because of a deadlock or a serialization failure, a few times. Whatever
 * the work has changed outside of its transaction must be undone by its beginning.
 */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || attempt >= ATTEMPTS) throw error;
      const longest = Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS);
      // At random: those who stood in each other's way do not meet again.
      await delay(Math.random() * longest);
    }
  }
}
