import { LRUCache } from 'lru-cache';
import type { Db } from '../storage/database.ts';
import { countUsers, type UserFilter } from '../storage/userapi/users.ts';

/**
 * How long a count stays in the cache, as a multiple of the time that counting took. The maximum is `LONGEST_MS`. So counting
 * takes about a hundredth of the time, however often it is asked for.
 */
const TIMES_AS_LONG = 100;
/** Maximum time for which a count stays in the cache, in ms. */
const LONGEST_MS = 60_000;
const FILTERS = 100;

/**
 * Counts the users that match the filters of a list. Counting reads all accounts, so the count is cached for a hundred times as
 * long as it took. The count of a small homeserver is quick, and expires almost at once.
 */
export interface UserTotals {
  readonly count: (filter: UserFilter) => Promise<number>;
  /** Removes all counts from the cache. Call it after this process has changed accounts. */
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
