import { LRUCache } from 'lru-cache';
import type { Db } from '../storage/database.ts';
import {
  countSummarisedUsers,
  isSummarisedFilter,
  type ListPlace,
  readPlaces,
  type SummarisedOrder,
} from '../storage/plugin/summarised-users.ts';
import { countUsers, type UserFilter } from '../storage/userapi/users.ts';

/**
 * A result stays in the cache for this many times as long as the plugin took to read it, but at most for `LONGEST_MS`. So the
 * plugin spends at most about a hundredth of the time on reading a result, however often callers ask for the result.
 */
const TIMES_AS_LONG = 100;
/** Maximum time for which a result stays in the cache, in ms. */
const LONGEST_MS = 60_000;
const LISTS = 100;

/**
 * Facts about a list of users that take long to read, because the plugin must read the whole list: the number of users who
 * match the filter, and the position of every thousandth user, so that a later page need not be read from the start of the
 * list. Each fact stays in a cache for a hundred times as long as the plugin took to read it, but at most for a minute. On a
 * small homeserver, reading is quick, so the facts expire almost at once.
 */
export interface UserTotals {
  readonly count: (filter: UserFilter) => Promise<number>;
  /**
   * Returns the position of every thousandth user in a list. Only for lists that the plugin reads from its summaries of users.
   */
  readonly places: (filter: UserFilter, order: SummarisedOrder) => Promise<readonly ListPlace[]>;
  /** Removes all results from the cache. Call it after this process has changed accounts. */
  readonly forget: () => void;
}

export function createUserTotals(db: Db, isSummarised: (kind: 'users') => Promise<boolean>): UserTotals {
  const counts = createCache<number>();
  const places = createCache<readonly ListPlace[]>();
  return {
    count: (filter) =>
      counts.read(JSON.stringify(filter), async () => {
        const isShort = isSummarisedFilter(filter) && (await isSummarised('users'));
        return (isShort ? countSummarisedUsers : countUsers)(db, filter);
      }),
    places: (filter, order) => places.read(JSON.stringify([filter, order]), () => readPlaces(db, filter, order)),
    forget: () => {
      counts.forget();
      places.forget();
    },
  };
}

/** A cache of results that take long to read. */
interface Cache<T extends object | number> {
  readonly read: (key: string, work: () => Promise<T>) => Promise<T>;
  readonly forget: () => void;
}

function createCache<T extends object | number>(): Cache<T> {
  const known = new LRUCache<string, Promise<T>>({ max: LISTS, ttl: LONGEST_MS });
  const start = async (key: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const working = work();
    // Concurrent calls wait for the same result.
    known.set(key, working);
    const isCurrent = (): boolean => known.peek(key, { allowStale: true }) === working;
    try {
      const result = await working;
      const ttl = Math.max(1, Math.min(LONGEST_MS, (performance.now() - startedAt) * TIMES_AS_LONG));
      if (isCurrent()) known.set(key, working, { ttl });
      return result;
    } catch (error) {
      if (isCurrent()) known.delete(key);
      throw error;
    }
  };
  return { read: (key, work) => known.get(key) ?? start(key, work), forget: () => known.clear() };
}
