import { LRUCache } from 'lru-cache';
import type { Db } from '../storage/database.ts';
import { countUsers, type UserFilter } from '../storage/userapi/users.ts';

/**
 * A count is cached for `TIMES_AS_LONG` times its own duration, and for `LONGEST_MS` at most. Quick counts of a filter so take
 * about a hundredth of the time.
 */
const TIMES_AS_LONG = 100;
/** Maximum time for which a count is cached, in ms. */
const LONGEST_MS = 60_000;
const FILTERS = 100;

/**
 * Counts the users that match the filters of a list. A count reads all accounts, so it is cached for a hundred times its own
 * duration. A quick count therefore expires almost at once.
 */
export interface UserTotals {
  readonly count: (filter: UserFilter) => Promise<number>;
  /** Drops all counts. Call it after this process has changed accounts. */
  readonly forget: () => void;
}

export function createUserTotals(db: Db): UserTotals {
  const known = new LRUCache<string, Promise<number>>({ max: FILTERS, ttl: LONGEST_MS });
  const count = async (key: string, filter: UserFilter): Promise<number> => {
    const startedAt = performance.now();
    const counting = countUsers(db, filter);
    // Concurrent calls wait for the same count.
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
