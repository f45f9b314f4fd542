import { LRUCache } from 'lru-cache';
import type { Db } from '../storage/database.ts';
import {
  countSummarisedUsers,
  isSummarisedFilter,
  readSummarisedPage,
  readSummarisedPageFromEnd,
  type SummarisedOrder,
} from '../storage/plugin/summarised-users.ts';
import type { UserPlace } from '../storage/plugin/summary-states.ts';
import { countUsers, type UserFilter } from '../storage/userapi/users.ts';
import { createKnownPlaces } from './known-places.ts';

/**
 * A result stays in the cache for this many times as long as the plugin took to read it, but at most for `LONGEST_MS`. So the
 * plugin spends at most about a hundredth of the time on reading a result, however often callers ask for the result.
 */
const TIMES_AS_LONG = 100;
/** Maximum time for which a result stays in the cache, in ms. */
const LONGEST_MS = 60_000;
const LISTS = 100;

/**
 * Facts about a list of users that take long to find: the number of users who match the filter, and the users on a page far
 * down the list. The numbers and the places of such pages stay in a cache for a hundred times as long as the plugin took to
 * read them, but at most for a minute. On a small homeserver, reading is quick, so they expire almost at once.
 * @internal
 */
export interface UserTotals {
  readonly count: (filter: UserFilter) => Promise<number>;
  /** Reads a page of a list that begins after `offset` users. The plugin must have the summaries of all users. */
  readonly page: (filter: UserFilter, order: SummarisedOrder, offset: number, limit: number) => Promise<UserPlace[]>;
  /** Removes all results from the cache. Call it after this process has changed accounts. */
  readonly forget: () => void;
}

export function createUserTotals(db: Db, isSummarised: (kind: 'users') => Promise<boolean>): UserTotals {
  const counts = createCache<number>();
  const places = createKnownPlaces();
  const count = (filter: UserFilter): Promise<number> =>
    counts.read(JSON.stringify(filter), async () => {
      const isShort = isSummarisedFilter(filter) && (await isSummarised('users'));
      return (isShort ? countSummarisedUsers : countUsers)(db, filter);
    });
  return {
    count,
    page: async (filter, order, offset, limit) => {
      const list = JSON.stringify([filter, order]);
      const { offset: skipped, place: at } = places.nearest(list, offset);
      // Counting the users that a search finds takes as long as reading them, so a search never starts at the end.
      const left = filter.partOfName === undefined ? (await count(filter)) - offset : Number.POSITIVE_INFINITY;
      if (left <= 0) return [];
      const startedAt = performance.now();
      const page = await (left - limit < offset - skipped
        ? readSummarisedPageFromEnd(db, filter, order, Math.max(0, left - limit), Math.min(left, limit))
        : readSummarisedPage(db, filter, order, { at, offset: offset - skipped }, limit));
      places.keep(list, { offset, place: page[0] }, keptMs(startedAt));
      return page;
    },
    forget: () => {
      counts.forget();
      places.forget();
    },
  };
}

/** Returns for how many ms to keep a result that the plugin began to read at `startedAt`. */
const keptMs = (startedAt: number): number =>
  Math.max(1, Math.min(LONGEST_MS, (performance.now() - startedAt) * TIMES_AS_LONG));

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
      if (isCurrent()) known.set(key, working, { ttl: keptMs(startedAt) });
      return result;
    } catch (error) {
      if (isCurrent()) known.delete(key);
      throw error;
    }
  };
  return { read: (key, work) => known.get(key) ?? start(key, work), forget: () => known.clear() };
}
