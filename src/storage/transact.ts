import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { isConflict, isConnectionLoss } from './database-failures.ts';

/** How often work is done at most before a conflict with others is an error. */
const ATTEMPTS = 8;
const FIRST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 200;

/** A transaction that has waited for a lock must see what others have committed. The database's default may be another. */
const READ_COMMITTED = { isolationLevel: 'read committed' } as const;

/** Keeps work that is done once the transaction has committed. */
export type AfterCommit = (work: () => void) => void;

/**
 * Does work in a transaction, which is rolled back if it throws. Then does what the work has left for after the commit.
 * @param hasCommitted asked when the connection is lost after the work. @defaultValue an answer of `false`
 */
export async function transact<T>(
  db: Knex,
  work: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<T>,
  hasCommitted: () => Promise<boolean> = async () => false,
): Promise<T> {
  const left: (() => void)[] = [];
  let done: { readonly value: T } | undefined;
  try {
    await db.transaction(async (transaction) => {
      done = { value: await work(transaction, (then) => left.push(then)) };
    }, READ_COMMITTED);
  } catch (error) {
    if (done === undefined || !isConnectionLoss(error) || !(await hasCommitted())) throw error;
  }
  if (done === undefined) throw new Error('the transaction has ended without its work');
  for (const then of left) then();
  return done.value;
}

/** Does work in a transaction that is rolled back. Nothing is done after it. */
export async function transactAndRollBack<T>(
  db: Knex,
  work: (transaction: Knex.Transaction, afterCommit: AfterCommit) => Promise<T>,
): Promise<T> {
  const transaction = await openTransaction(db);
  try {
    return await work(transaction, () => {});
  } finally {
    await transaction.rollback();
  }
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
