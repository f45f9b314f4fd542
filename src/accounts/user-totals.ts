import { LRUCache } from 'lru-cache';
import type { Db } from '../storage/database.ts';
import { countUsers, type UserFilter } from '../storage/userapi/users.ts';

/** No more than a hundredth of the time is spent on counting the same over and over … */
const TIMES_AS_LONG = 100;
/** … and no count is kept for longer than this, in ms. */
const LONGEST_MS = 60_000;
const FILTERS = 100;

/**
 * How many users match what lists are asked for. All accounts must be read for it, so a count is kept for a hundred times as
 * long as it took: where that is quick it is as good as new.
 */
export interface UserTotals {
  readonly count: (filter: UserFilter) => Promise<number>;
  /** To be called once this process has changed accounts. */
  readonly forget: () => void;
}

export function createUserTotals(db: Db): UserTotals {
  const known = new LRUCache<string, Promise<number>>({ max: FILTERS, ttl: LONGEST_MS });
  const count = async (key: string, filter: UserFilter): Promise<number> => {
    const startedAt = performance.now();
    const counting = countUsers(db, filter);
    // Whoever asks meanwhile waits for the same count.
    known.set(key, counting);
    const isCurrent = (): boolean => known.peek(key, { allowStale: true }) === counting;
    try {
      const total = await counting;
      const ttl = Math.max(1, Math.min(LONGEST_MS, (performance.now() - startedAt) * TIMES_AS_LONG));
      if (isCurrent()) known.set(key, counting, { ttl });
      return total;
    } catch (error) {
      if (isCurrent()) known.delete(key);
      throw error;
    }
  };
  return {
    count: (filter) => {
      const key = JSON.stringify(filter);
      return known.get(key) ?? count(key, filter);
    },
    forget: () => known.clear(),
  };
}
