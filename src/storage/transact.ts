import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { isConflict, isConnectionLoss } from './database-failures.ts';

/**
 * Maximum number of times that `retryConflicts()` runs the work before it throws the error of a conflict with other
 * transactions.
 */
const ATTEMPTS = 8;
const FIRST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 200;

/**
 * The isolation level of all transactions. A transaction that has waited for a lock must see the changes that other
 * transactions have committed in the meantime. At a higher level, the transaction would not see these changes, and the
 * database's default level may be higher.
 */
const READ_COMMITTED = { isolationLevel: 'read committed' } as const;

/** Registers work that runs after the commit. */
export type AfterCommit = (work: () => void) => void;

/**
 * Runs work in a transaction. Rolls the transaction back if the work throws. After the commit, calls the functions that the
 * work has passed to `afterCommit`.
 * @param hasCommitted finds out whether the transaction was committed. `transact()` calls this function if the connection is
 * lost after the work. If the function returns `true`, `transact()` succeeds. Otherwise `transact()` throws the error.
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
 * Runs work in a transaction, and then rolls the transaction back. Does not call the functions that the work passes to
 * `afterCommit`.
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
 * Runs work that opens a transaction. If PostgreSQL rolls the transaction back because of a deadlock or a serialization
 * failure, runs the work again, at most `ATTEMPTS` times in all. The work must allow for changes that an earlier attempt has
 * made outside its transaction, for example to variables.
 */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || attempt >= ATTEMPTS) throw error;
      const longest = Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS);
      // The delay is random, so that two transactions that have conflicted do not start again at the same time.
      await delay(Math.random() * longest);
    }
  }
}
