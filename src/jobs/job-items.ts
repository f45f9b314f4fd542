import type { Knex } from 'knex';
import type { Db } from '../storage/database.ts';
import {
  findJobItems,
  insertJobItems,
  type JobItem,
  listAddedItems,
  listJobItems,
} from '../storage/plugin/job-items.ts';

/**
 * The list of things that a job has processed, such as users who have left a room. The list is not part of the job's
 * checkpoint, because it may be too long. A step, which is one of the job's transactions, adds its items in this transaction.
 * @internal
 */
export interface JobItems {
  /** Adds items. An item that is already stored stays as it is. */
  readonly add: (transaction: Knex.Transaction, items: readonly JobItem[]) => Promise<void>;
  /** Returns those of the given items that are already stored. */
  readonly find: (db: Db, among: readonly string[]) => Promise<ReadonlySet<string>>;
  /**
   * Returns the items in ascending order of their ordinals, the numbers that `add()` stores with the items.
   * @param limit maximum number of items
   * @defaultValue no limit
   */
  readonly list: (db: Db, limit?: number) => Promise<readonly string[]>;
  /** Returns at most `limit` items in the order in which they were added, without the first `skipped` items. */
  readonly listAdded: (db: Db, skipped: number, limit: number) => Promise<readonly string[]>;
}

/** Returns the list of a job. Its items are rows of the database. */
export function storedItems(jobId: string): JobItems {
  return {
    add: (transaction, items) => insertJobItems(transaction, jobId, items),
    find: (db, among) => findJobItems(db, jobId, among),
    list: (db, limit) => listJobItems(db, jobId, limit),
    listAdded: (db, skipped, limit) => listAddedItems(db, jobId, skipped, limit),
  };
}

/** Creates the list of a dry run. Its items stay in memory, because a dry run has no job. */
export function dryRunItems(): JobItems {
  const items = new Map<string, number>();
  return {
    add: async (_transaction, added) => {
      for (const { item, ordinal } of added) if (!items.has(item)) items.set(item, ordinal);
    },
    find: async (_db, among) => new Set(among.filter((item) => items.has(item))),
    list: async (_db, limit) =>
      [...items]
        .sort(([, a], [, b]) => a - b)
        .map(([item]) => item)
        .slice(0, limit),
    listAdded: async (_db, skipped, limit) => [...items.keys()].slice(skipped, skipped + limit),
  };
}
