import { LRUCache } from 'lru-cache';
import type { ListPlace } from '../storage/plugin/summarised-users.ts';

/** Maximum number of lists, and of places in each list, that are kept. */
const LISTS = 100;
const PLACES = 1_000;

/** A place of a list, and how many users come before this place. `place` is `undefined` at the beginning of the list. */
export interface KnownPlace {
  readonly offset: number;
  readonly place: ListPlace | undefined;
}

/**
 * Places of lists of users at which earlier pages began. A page far down a list is read from the nearest of these places, so
 * that PostgreSQL skips few users.
 */
export interface KnownPlaces {
  /** Returns the last known place that is not after `offset`. */
  readonly nearest: (list: string, offset: number) => KnownPlace;
  /** Keeps a place for `ttlMs`. If the place of this offset is already known, that place stays, and expires at its own time. */
  readonly keep: (list: string, known: KnownPlace, ttlMs: number) => void;
  readonly forget: () => void;
}

export function createKnownPlaces(): KnownPlaces {
  const lists = new LRUCache<string, LRUCache<number, ListPlace>>({ max: LISTS });
  return {
    nearest: (list, offset) => {
      let found: KnownPlace = { offset: 0, place: undefined };
      for (const [at, place] of lists.get(list)?.entries() ?? []) {
        if (at <= offset && at > found.offset) found = { offset: at, place };
      }
      return found;
    },
    keep: (list, { offset, place }, ttlMs) => {
      const places = lists.get(list) ?? new LRUCache<number, ListPlace>({ max: PLACES });
      if (place !== undefined && !places.has(offset)) places.set(offset, place, { ttl: ttlMs });
      lists.set(list, places);
    },
    forget: () => lists.clear(),
  };
}
