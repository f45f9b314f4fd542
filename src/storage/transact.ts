import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { isConflict, isConnectionLoss } from './database-failures.ts';

/** Maximum number of attempts before a conflict with other transactions becomes an error. */
const ATTEMPTS = 8;
const FIRST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 200;

/**
 * The isolation level of all transactions. A transaction that has waited for a lock must see the changes that other
 * transactions have committed. The database's default level may not allow this.
 */
const READ_COMMITTED = { isolationLevel: 'read committed' } as const;

/** Registers work that runs after the commit. */
export type AfterCommit = (work: () => void) => void;

/**
 * Runs work in a transaction. Rolls the transaction back if the work throws. After the commit, runs the work that was
 * registered with `afterCommit`.
 * @param hasCommitted finds out whether the transaction was committed. It is called if the connection is lost after the work.
 * @defaultValue a function that returns `false`
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

/**
 * Runs work in a transaction, and then rolls the transaction back. Work that was registered with `afterCommit` does not run.
 */
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

/** Opens a transaction. The caller must commit it or roll it back. */
export function openTransaction(db: Knex): Promise<Knex.Transaction> {
  return db.transaction(READ_COMMITTED);
}

/**
 * Runs work. If PostgreSQL rolls the work back because of a deadlock or a serialization failure, runs the work again. Makes at
 * most `ATTEMPTS` attempts. The work must not rely on what an earlier attempt has changed outside its transaction.
 */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || attempt >= ATTEMPTS) throw error;
      const longest = Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS);
      // The delay is random, so that the same transactions do not conflict again.
      await delay(Math.random() * longest);
    }
  }
}
